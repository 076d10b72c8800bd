// Keys, pointer and buttons, and the start of the page.

const PLAIN_SIZE = 17; // of the text, in pixels: then the views have the size that they are made for

function addChoice(id, key, labels) {
  for (const [value, label] of Object.entries(labels)) {
    const button = element("button", "", label);
    button.value = value;
    button.setAttribute("role", "radio");
    button.addEventListener("click", () => choose({ [key]: value }));
    $(id).append(button);
  }
}

const MOVES = {
  ArrowLeft: () => goTo(look.place - 1),
  ArrowRight: () => goTo(look.place + 1),
  ArrowUp: () => goTo(view.nextLine(look.place, -1)),
  ArrowDown: () => goTo(view.nextLine(look.place, 1)),
  Home: () => goTo(0),
  End: () => goTo(reader.ids.length),
  PageUp: () => goTo(look.place - 400),
  PageDown: () => goTo(look.place + 400),
  Delete: () => look.place < reader.ids.length && change(look.place, 1, []),
};
const UNIT_MOVES = {
  ArrowLeft: () => choose({ unit: look.unit - 1 }),
  ArrowRight: () => choose({ unit: look.unit + 1 }),
  ArrowUp: () => choose({ layer: look.layer + 1 }),
  ArrowDown: () => choose({ layer: look.layer - 1 }),
};

function onKey(event) {
  if (event.isComposing) return;
  if (event.key === "Escape") stop();
  const moves = event.altKey ? UNIT_MOVES : event.target === $("keys") ? MOVES : {};
  if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  moves[event.key]();
}

// Every keyboard, those of phones and of Chinese or Japanese too, writes into a hidden field: the difference is taken.
function onInput(event) {
  const field = $("keys");
  if (!field.value.startsWith(SENTINEL)) {
    if (!composed && look.place > 0) change(look.place - 1, 1, []);
    else replaceComposed("");
    field.value = SENTINEL;
    composed = "";
    return;
  }
  replaceComposed(field.value.slice(SENTINEL.length));
  if (!event.isComposing) resetKeys();
}

function replaceComposed(text) {
  const old = Array.from(composed), wanted = Array.from(text);
  let same = 0;
  while (same < old.length && old[same] === wanted[same]) same++;
  const known = reader.network.encode(old.slice(same).join("")).ids.length;
  if (known) change(look.place - known, known, []);
  if (same < wanted.length) type(wanted.slice(same).join(""));
  composed = text;
}

function resetKeys() {
  $("keys").value = SENTINEL;
  composed = "";
}

function onPointer(event) {
  const span = event.target.closest("#text span");
  const other = span?.place ?? null;
  if (event.type === "pointermove") {
    if (event.pointerType === "touch" || other === look.hover || isWriting) return;
    look.hover = other;
    requestAnimationFrame(drawPanels);
    return;
  }
  event.preventDefault();
  goTo(other ?? reader.ids.length, { scroll: false });
  if (event.pointerType !== "touch" || other === null) focusKeys(); // a finger looks; the button Type opens the keyboard
}

function focusKeys() {
  $("keys").focus({ preventScroll: true });
}

function unitUnder(event) {
  const box = $("units").getBoundingClientRect();
  const { columns, size } = unitGrid(reader.network.units, widthOf($("units")));
  const scale = (size * box.width) / widthOf($("units")); // of a page or a view that is enlarged
  const column = Math.floor((event.clientX - box.left) / scale), row = Math.floor((event.clientY - box.top) / scale);
  const unit = row * columns + column;
  return column >= 0 && column < columns && unit >= 0 && unit < reader.network.units ? unit : null;
}

function addListeners() {
  document.addEventListener("keydown", onKey);
  $("keys").addEventListener("input", onInput);
  $("keys").addEventListener("compositionend", () => setTimeout(resetKeys));
  $("pane").addEventListener("pointermove", onPointer);
  $("pane").addEventListener("click", onPointer);
  $("pane").addEventListener("pointerleave", () => {
    if (look.hover === null) return;
    look.hover = null;
    drawPanels();
  });
  $("units").addEventListener("click", (event) => {
    const unit = unitUnder(event);
    if (unit !== null) choose({ unit });
  });
  $("units").addEventListener("keydown", (event) => {
    const { columns } = unitGrid(reader.network.units, widthOf($("units")));
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (!steps[event.key] || event.altKey) return;
    event.preventDefault();
    choose({ unit: look.unit + steps[event.key] });
  });
  $("layer").addEventListener("change", () => choose({ layer: Number($("layer").value) }));
  $("unit").addEventListener("change", () => {
    const number = Number($("unit").value);
    choose({ unit: Math.max(1, Math.min(reader.network.units, Math.round(number) || 1)) - 1 });
  });
  $("value").addEventListener("change", () => choose({ quantity: $("value").value }));
  $("clamp").addEventListener("change", clampUnit);
  $("clamp-value").addEventListener("input", clampUnit);
  $("write").addEventListener("click", write);
  $("type").addEventListener("click", focusKeys);
  $("clear").addEventListener("click", () => { stop(); change(0, reader.ids.length, []); focusKeys(); });
  for (const id of ["temperature", "top-p"]) {
    const show = () => { $(id).nextElementSibling.textContent = Number($(id).value).toFixed(2); };
    $(id).addEventListener("input", show);
    show();
  }
  for (const [id, factor] of [["smaller", 1 / 1.15], ["larger", 1.15]]) {
    $(id).addEventListener("click", () => {
      setFontSize(description.fontSize * factor);
      widths.clear();
      drawPanels();
    });
  }
  window.addEventListener("resize", () => {
    widths.clear();
    drawPanels();
  });
}

// A larger text takes the views beside it with it, by half as much.
function setFontSize(size) {
  description.fontSize = Math.max(8, Math.min(72, size));
  const style = document.documentElement.style;
  style.setProperty("--text-size", `${description.fontSize}px`);
  style.setProperty("--zoom", Math.max(1, Math.min(1.6, (description.fontSize / PLAIN_SIZE + 1) / 2)));
}

function addThemes() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const follow = () => setTheme(chosen ?? (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", follow);
  $("theme").addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    follow();
  });
  window.addEventListener("beforeprint", () => setTheme("light"));
  window.addEventListener("afterprint", follow);
  follow();
}

async function main() {
  setFontSize(description.fontSize);
  addThemes();
  $("title").textContent = inLine(Array.from(description.title)) || "charlstm";
  const layers = `${description.numLayers} ${description.numLayers === 1 ? "layer" : "layers"}`;
  const count = Array.from(description.characters).length;
  $("subtitle").textContent = `${description.cell}, ${layers} of ${description.units} units, ${count} characters, running in this page`;
  const network = await loadNetwork(description, $("weights").textContent);
  $("weights").remove();
  reader = new Reader(network);
  view = new TextView($("text"));
  quantities = reader.quantities();
  for (let layer = 0; layer < network.numLayers; layer++) $("layer").append(new Option(layer + 1, layer));
  for (const name of Object.keys(quantities)) $("value").append(new Option(readable(name), name));
  $("unit").max = network.units;
  $("attention-card").hidden = !network.attention;
  addChoice("views", "view", { surprise: "Surprise", unit: "Unit", reach: "Reach", alike: "Alike" });
  addChoice("strips", "strips", { unit: "This unit", layer: "Mean of layer" });
  addListeners();
  resetKeys();
  showChoices();
  const opening = description.text || firstText();
  change(0, 0, description.text ? Array.from(opening, (c) => network.idOf.get(c)) : network.encode(opening).ids);
  if (description.text) goTo(Math.min(24, reader.ids.length));
  const { place, ...chosen } = description.look; // what the page was written to show
  if (Object.keys(chosen).length) choose(chosen);
  if (place !== undefined) goTo(place);
}

main().catch((problem) => {
  document.body.replaceChildren(element("p", "failure", problem.message));
  throw problem;
});
