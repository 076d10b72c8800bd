// The page: what is looked at, and what keys, pointer and buttons do.

const $ = (id) => document.getElementById(id);
const FRAME = 12; // milliseconds of reading between two pictures
const LONG_FRAME = 40; // and of a text that is not typed
const REACH = 60; // characters before a place that are left out one by one
const PAUSE = 120; // milliseconds of rest before places are compared
const WRITING_LIMIT = 20000; // characters of the text
const SURPRISE_SCALE = 9; // bits that have the strongest colour
const SENTINEL = "\u00a0"; // in the field that takes the keys, so that Backspace always has something to remove

const description = JSON.parse($("description").textContent);
let reader, view, quantities;
const look = { place: 0, hover: null, view: "surprise", layer: 0, unit: 0, quantity: "output", strips: "unit" };
const reach = { place: -1, length: -1, next: -1, bits: new Map(), most: 1, isDone: true };
const scales = new Map(); // the largest cell state of a unit over the text
let similarity = null, alikeTimer = 0, isWriting = false, isScheduled = false, hasChosen = false, plainMean = NaN, composed = "";

const place = () => look.hover ?? look.place;
const lastRead = () => Math.min(place(), reader.trace.length - 1);
const numbersAt = (t, layer = look.layer, quantity = look.quantity) => quantities[quantity](reader.trace[t].layers[layer]);
const paletteOf = (quantity) => (isShare(quantity) ? "share" : "signed");

function scaleOf(quantity, layer = look.layer, unit = look.unit) {
  if (quantity !== "cell_state") return 1;
  const key = `${layer}:${unit}`;
  if (!scales.has(key)) {
    scales.set(key, reader.trace.reduce((most, step) => Math.max(most, Math.abs(step.layers[layer].cell[unit])), 1));
  }
  return scales.get(key);
}

function colourAt(t) {
  if (look.view === "surprise") return colourOf("surprise", reader.trace[t].surprise / SURPRISE_SCALE);
  if (look.view === "reach") return colourOf("share", Math.sqrt((reach.bits.get(t) ?? 0) / reach.most));
  if (look.view === "alike") return colourOf("share", similarity ? similarity[t] : 0);
  const numbers = numbersAt(t);
  return colourOf(paletteOf(look.quantity), numbers ? numbers[look.unit] / scaleOf(look.quantity) : 0);
}

function paint(from = 0) {
  for (let t = from; t < reader.trace.length; t++) view.colour(t, colourAt(t));
}

// Draw everything that depends on the place that is looked at.
function drawPanels() {
  view.mark(place(), look.place);
  drawGuesses($("guesses"), reader, place());
  drawScale();
  if (!reader.trace.length) return;
  const t = lastRead();
  const numbers = numbersAt(t) ?? new Float32Array(reader.network.units);
  const scale = look.quantity === "cell_state" ? Math.max(1, ...numbers.map(Math.abs)) : 1;
  drawUnits($("units"), Array.from(numbers), { scale, palette: paletteOf(look.quantity), unit: look.unit });
  drawStrips($("gates"), reader, t, stripRows());
  if (reader.network.attention) drawAttention($("attention"), reader, t);
  if (look.view === "reach") startReach();
  clearTimeout(alikeTimer);
  alikeTimer = setTimeout(compare, look.view === "alike" ? 0 : PAUSE);
}

// Leave out one character before the place after the other, the nearest first, between two pictures.
function startReach() {
  const { length } = reader.trace, at = Math.min(place(), length);
  if (reach.place === at && reach.length === length) return;
  const isNew = reach.isDone;
  Object.assign(reach, { place: at, length, next: at - 1, bits: new Map(), most: 1e-9, isDone: false });
  paint();
  if (isNew) requestAnimationFrame(reachOn);
}

function reachOn() {
  const end = performance.now() + FRAME, first = Math.max(0, reach.place - REACH);
  while (look.view === "reach" && reader.trace.length >= reach.place && reach.next >= first && performance.now() < end) {
    const bits = Math.max(0, reader.reach(reach.place, reach.next));
    reach.bits.set(reach.next--, bits);
    reach.most = Math.max(reach.most, bits);
  }
  paint(first);
  if (look.view === "reach" && reader.trace.length >= reach.place && reach.next >= first) requestAnimationFrame(reachOn);
  else reach.isDone = true;
}

// Compare the place with all others: it takes some time, so only when the pointer or the keys rest.
function compare() {
  if (!reader.trace.length || isWriting) return;
  const t = lastRead();
  similarity = findAlike(reader, look.layer, t);
  drawAlike($("alike"), reader, similarity, t, { onChoose: (other) => goTo(other) });
  if (look.view === "alike") paint();
}

function stripRows() {
  const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const names = Object.keys(quantities).filter((name) => numbersAt(0, look.layer, name));
  return names.map((name) => {
    const ofUnit = look.strips === "unit";
    const at = (t) => (ofUnit ? numbersAt(t, look.layer, name)[look.unit] : mean(numbersAt(t, look.layer, name)));
    return { name: readable(name), at, scale: ofUnit ? scaleOf(name) : 1, palette: paletteOf(name) };
  });
}

function drawScale() {
  const { context, width } = prepareCanvas($("scale"), 34);
  const palette = { surprise: "surprise", reach: "share", alike: "share" }[look.view] ?? paletteOf(look.quantity);
  const isSigned = palette === "signed", steps = 48;
  for (let k = 0; k < steps; k++) {
    context.fillStyle = colourOf(palette, isSigned ? (2 * k) / (steps - 1) - 1 : k / (steps - 1)).ground;
    context.fillRect((k * width) / steps, 0, width / steps + 0.6, 12);
  }
  context.strokeStyle = cssVariable("--line");
  context.strokeRect(0.5, 0.5, width - 1, 11);
  context.fillStyle = cssVariable("--muted");
  context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  const scale = scaleOf(look.quantity).toFixed(look.quantity === "cell_state" ? 1 : 0);
  const signed = [`\u2212${scale}`, "0", `+${scale}`], share = ["0", "0.5", "1"];
  const labels = { surprise: ["0", "surprise", `${SURPRISE_SCALE} bits`], alike: ["unlike", "", "alike"], reach: ["none", "reach", "most"] };
  (labels[look.view] ?? (isSigned ? signed : share)).forEach((label, k) => {
    context.textAlign = ["left", "center", "right"][k];
    context.fillText(label, (k * width) / 2, 27);
  });
}

function showStatus(message) {
  if (message) { $("status").textContent = message; return; }
  const count = reader.ids.length.toLocaleString("en");
  if (!reader.isDone) { $("status").textContent = `reading ${reader.trace.length.toLocaleString("en")} of ${count} characters`; return; }
  if (reader.ids.length < 40 && !isWriting && !reader.clamps.length) {
    $("status").textContent = "Type, or let the network write on.";
    return;
  }
  const mean = reader.meanSurprise();
  if (!reader.clamps.length) plainMean = mean;
  const without = reader.clamps.length && Number.isFinite(plainMean) ? `; ${plainMean.toFixed(2)} before the clamp` : "";
  $("status").textContent = `${count} characters, ${mean.toFixed(2)} bits per character${without}`;
}

// Read on in steps between pictures until all has been read.
function schedule() {
  if (isScheduled || reader.isDone) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    paint(reader.read(reader.ids.length - reader.trace.length > 50 ? LONG_FRAME : FRAME));
    showStatus();
    if (reader.isDone) finish();
    else schedule();
  });
}

function finish() {
  scales.clear();
  reach.place = -1;
  if (!hasChosen && reader.trace.length >= 100) chooseLiveliest();
  if (look.view === "unit") paint();
  drawPanels();
  showStatus();
}

// Begin with the unit whose output varies most: it is likelier to follow something than the first one.
function chooseLiveliest() {
  hasChosen = true;
  const outputs = reader.trace.map((step) => step.layers[look.layer].output), count = outputs.length;
  const spread = Array.from({ length: reader.network.units }, (_, k) => {
    const mean = outputs.reduce((sum, output) => sum + output[k], 0) / count;
    return outputs.reduce((sum, output) => sum + (output[k] - mean) ** 2, 0) / count;
  });
  look.unit = spread.indexOf(Math.max(...spread));
  showChoices();
}

function change(from, count, ids) {
  reader.splice(from, count, ids);
  if (!reader.clamps.length) plainMean = NaN;
  look.place = from + ids.length;
  look.hover = null;
  view.render((t) => reader.character(t), reader.ids.length, from);
  reach.place = -1;
  const first = reader.read(FRAME), scaleBefore = scaleOf(look.quantity);
  scales.clear();
  paint(scaleOf(look.quantity) === scaleBefore ? first : 0);
  drawPanels();
  showStatus();
  schedule();
  view.scrollTo(look.place, $("pane"));
}

function type(text) {
  const { ids, refused } = reader.network.encode(text);
  if (ids.length) change(look.place, 0, ids);
  if (refused.length) showStatus(`the network does not know ${refused.slice(0, 5).map(visible).join(" ")}`);
}

function goTo(other, { scroll = true } = {}) {
  look.place = Math.max(0, Math.min(reader.ids.length, other));
  look.hover = null;
  drawPanels();
  if (scroll) view.scrollTo(look.place, $("pane"));
}

function choose(changes) {
  hasChosen = true;
  Object.assign(look, changes);
  look.layer = Math.max(0, Math.min(reader.network.numLayers - 1, look.layer));
  look.unit = (look.unit + reader.network.units) % reader.network.units;
  if (("unit" in changes || "layer" in changes || "quantity" in changes) && look.view === "surprise") look.view = "unit";
  showChoices();
  drawPanels();
  paint();
}

function showChoices() {
  for (const [id, key] of [["views", "view"], ["strips", "strips"]]) {
    for (const button of $(id).children) button.setAttribute("aria-checked", button.value === look[key]);
  }
  $("layer").value = look.layer;
  $("unit").value = look.unit + 1;
  $("value").value = look.quantity;
  $("unit-title").textContent = `Unit ${look.layer + 1}:${look.unit + 1}`;
  const clamp = reader.clamps.find((one) => one.layer === look.layer && one.unit === look.unit);
  $("clamp").checked = Boolean(clamp);
  if (clamp) $("clamp-value").value = clamp.value;
  $("clamp-number").textContent = Number($("clamp-value").value).toFixed(2).replace("-", "\u2212");
  showClamps();
}

function showClamps() {
  $("clamps").replaceChildren(
    ...reader.clamps.map((clamp) => {
      const button = element("button", "", `${clamp.layer + 1}:${clamp.unit + 1} = ${clamp.value.toFixed(2)} \u00d7`);
      button.title = "Release this unit";
      button.addEventListener("click", () => setClamps(reader.clamps.filter((one) => one !== clamp)));
      return button;
    }),
  );
}

function setClamps(clamps) {
  reader.setClamps(clamps);
  reach.place = -1;
  showChoices();
  paint(reader.read(FRAME));
  schedule();
  if (reader.isDone) finish();
}

function clampUnit() {
  const { layer, unit } = look, value = Number($("clamp-value").value);
  const others = reader.clamps.filter((one) => one.layer !== layer || one.unit !== unit);
  if ($("clamp").checked || others.length < reader.clamps.length) {
    setClamps($("clamp").checked ? [...others, { layer, unit, value }] : others);
  } else showChoices();
}

// Write on at the end of the text, a character for each picture, until it is stopped.
function write() {
  if (isWriting) { stop(); return; }
  if (!reader.ids.length) change(0, 0, reader.network.encode(firstText()).ids);
  isWriting = true;
  $("write").textContent = "Stop";
  const next = () => {
    if (!isWriting) return;
    if (reader.isDone) {
      const settings = { temperature: Number($("temperature").value), topP: Number($("top-p").value) };
      const id = reader.network.sample(reader.trace.at(-1).hidden, settings);
      change(reader.ids.length, 0, [id]);
    }
    if (reader.ids.length >= WRITING_LIMIT) stop();
    else requestAnimationFrame(next);
  };
  next();
}

function stop() {
  isWriting = false;
  drawPanels();
  $("write").textContent = "Write on";
}

function firstText() {
  const starts = description.lineStarts.filter((start) => reader.network.encode(start).ids.length);
  const known = reader.network.alphabet.find((c) => c !== reader.network.unknown);
  return starts.length ? starts[Math.floor(Math.random() * starts.length)] : reader.network.idOf.has("\n") ? "\n" : known;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  if (!reader) return;
  paint();
  drawPanels();
}
