// The views beside the text. Each draws the place that is looked at, from what the reader recorded.

const bitsText = (bits) => `${bits.toFixed(1)} bits`;
const readable = (name) => name.replaceAll("_", " ");
const isShare = (name) => name.endsWith("_gate") || name === "update"; // from 0 to 1; all else has a sign

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// The five likeliest characters at a place, the one that stands there, and the entropy.
function drawGuesses(container, reader, place) {
  container.replaceChildren();
  const before = reader.characters(Math.max(0, place - 14), place);
  const heading = element("p");
  if (place === 0) {
    heading.append(element("span", "where", "Nothing has been read before the first character."));
    container.append(heading);
    return;
  }
  if (!reader.trace[place - 1]) return;
  heading.append(element("span", "where", "after "), element("code", "", inLine(before)));
  container.append(heading);
  const probabilities = softmax(reader.network.logits(reader.trace[place - 1].hidden));
  const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]);
  const actual = reader.ids[place];
  const shown = order.slice(0, 5);
  if (actual !== undefined && !shown.includes(actual)) shown.push(actual);
  for (const id of shown) {
    const row = element("div", id === actual ? "guess actual" : "guess");
    const bar = element("i");
    bar.style.width = `${100 * probabilities[id]}%`;
    const track = element("div");
    track.append(bar);
    const percent = 100 * probabilities[id], digits = percent < 0.095 ? 2 : percent < 9.95 || percent > 99 ? 1 : 0;
    const letter = element("b");
    const symbol = visible(reader.network.alphabet[id]);
    letter.append(element("span", symbol.length > 2 ? "long" : "", symbol));
    row.append(letter, track);
    row.append(element("span", "", percent < 0.005 ? "< 0.01 %" : `${percent.toFixed(digits)} %`));
    container.append(row);
  }
  const entropy = -probabilities.reduce((sum, p) => sum + (p > 0 ? p * Math.log2(p) : 0), 0);
  const surprise = actual === undefined ? "" : ` \u00b7 surprise ${bitsText(-Math.log2(probabilities[actual]))}`;
  container.append(element("p", "note", `entropy ${bitsText(entropy)}${surprise}`));
}

// All units of a layer at a place as a grid; one is framed.
const unitGrid = (count, width) => {
  const columns = Math.min(count, Math.max(8, Math.floor(width / (count > 512 ? 8 : 11.5))));
  return { columns, size: Math.min(26, width / columns), rows: Math.ceil(count / columns) };
};

function drawUnits(canvas, values, { scale, palette, unit }) {
  const { columns, size, rows } = unitGrid(values.length, widthOf(canvas));
  const { context } = prepareCanvas(canvas, rows * size + 2);
  values.forEach((value, k) => {
    context.fillStyle = colourOf(palette, value / scale).ground;
    context.fillRect((k % columns) * size, Math.floor(k / columns) * size, size - 1, size - 1);
  });
  context.strokeStyle = cssVariable("--line");
  context.lineWidth = 0.5;
  values.forEach((_, k) => context.strokeRect((k % columns) * size, Math.floor(k / columns) * size, size - 1, size - 1));
  context.strokeStyle = cssVariable("--ink");
  context.lineWidth = 2;
  context.strokeRect((unit % columns) * size, Math.floor(unit / columns) * size, size - 1, size - 1);
}

// Strips below the characters around a place: a bar for each number, from a line that is zero.
const LABEL = 104, COLUMN = 15, ROW = 34, HEAD = 24;

function drawStrips(canvas, reader, place, rows) {
  const { context, width } = prepareCanvas(canvas, HEAD + rows.length * ROW);
  const count = Math.max(1, Math.floor((width - LABEL) / COLUMN));
  const first = Math.max(0, Math.min(place - Math.floor(count / 2), reader.trace.length - count));
  const last = Math.min(first + count, reader.trace.length);
  const x = (index) => LABEL + (index - first) * COLUMN;
  context.fillStyle = cssVariable("--line");
  if (place >= first && place < last) context.fillRect(x(place), 0, COLUMN, HEAD + rows.length * ROW);
  context.font = "15px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  context.textAlign = "center";
  context.fillStyle = cssVariable("--ink");
  for (let t = first; t < last; t++) context.fillText(visible(reader.character(t)), x(t) + COLUMN / 2, 16, COLUMN);
  rows.forEach((row, index) => drawStrip(context, row, { top: HEAD + index * ROW, first, last, x, place, width }));
}

function drawStrip(context, { name, at, scale, palette }, { top, first, last, x, place, width }) {
  const height = ROW - 8, zero = palette === "signed" ? top + height / 2 : top + height;
  context.textAlign = "left";
  context.font = "12.5px system-ui, 'DejaVu Sans', sans-serif";
  context.fillStyle = cssVariable("--muted");
  context.fillText(name, 0, top + 11, LABEL - 8);
  if (place < last) {
    context.fillStyle = cssVariable("--ink");
    context.fillText(at(place).toFixed(2).replace("-", "\u2212"), 0, top + 25);
  }
  for (let t = first; t < last; t++) {
    const share = Math.max(-1, Math.min(1, at(t) / scale));
    const reach = share * (palette === "signed" ? height / 2 : height);
    context.fillStyle = stripColour(palette, share);
    context.fillRect(x(t) + 1, Math.min(zero, zero - reach), COLUMN - 2, Math.abs(reach));
  }
  context.fillStyle = cssVariable("--muted");
  context.fillRect(LABEL, Math.round(zero), Math.min(width, x(last)) - LABEL, 1);
}

// A bar shows its size by its length: its colour is never so pale that it vanishes.
function stripColour(palette, share) {
  const strong = 0.45 + 0.55 * Math.abs(share);
  return colourOf(palette, palette === "signed" && share < 0 ? -strong : strong).ground;
}

// Places where the same units are on: outputs less their means, compared by their angle.
function findAlike(reader, layer, place) {
  const outputs = reader.trace.map((step) => step.layers[layer].output);
  const count = outputs.length, units = reader.network.units;
  const mean = new Float64Array(units);
  for (const output of outputs) for (let k = 0; k < units; k++) mean[k] += output[k] / count;
  const centred = Float64Array.from(outputs[place], (value, k) => value - mean[k]);
  const length = Math.hypot(...centred);
  return outputs.map((output) => {
    let product = 0, square = 0;
    for (let k = 0; k < units; k++) {
      const difference = output[k] - mean[k];
      product += difference * centred[k];
      square += difference * difference;
    }
    return product / (length * Math.sqrt(square) || 1);
  });
}

function drawAlike(list, reader, similarity, place, { count = 5, apart = 12, onChoose }) {
  const order = Array.from(similarity.keys()).sort((a, b) => similarity[b] - similarity[a]);
  const chosen = [];
  for (const other of order) {
    if ([place, ...chosen].every((one) => Math.abs(one - other) >= apart)) chosen.push(other);
    if (chosen.length === count) break;
  }
  list.replaceChildren(
    ...chosen.map((other) => {
      const button = element("button");
      const passage = element("span", "passage");
      passage.dir = "auto";
      passage.append(inLine(reader.characters(Math.max(0, other - 17), other)));
      passage.append(element("mark", "", inLine(reader.characters(other, other + 1))));
      passage.append(inLine(reader.characters(other + 1, other + 17)));
      button.append(element("span", "share", similarity[other].toFixed(2).replace("-", "\u2212")), passage);
      button.addEventListener("click", () => onChoose(other));
      const item = element("li");
      item.append(button);
      return item;
    }),
  );
}

// Which earlier outputs the network's attention took at a place: the text before it, by their shares.
function drawAttention(container, reader, place) {
  const { attention } = reader.trace[place];
  const highest = Math.max(...attention);
  container.replaceChildren();
  attention.forEach((share, index) => {
    const other = place - attention.length + index;
    if (other < 0) return;
    const span = element("span", "", inLine(reader.characters(other, other + 1)));
    const { ground, ink } = colourOf("share", share / highest);
    Object.assign(span.style, { backgroundColor: ground, color: ink });
    span.title = `${(100 * share).toFixed(1)} %`;
    container.append(span);
  });
}
