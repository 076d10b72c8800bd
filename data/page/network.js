// The network: unpacks its weights, reads characters, and samples them. Nothing here needs a document.
// States and sums are float64: how operands are rounded to bfloat16 does not depend on the order of a sum then.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;,=>?@^_`{|}~";

// Five characters stand for four bytes, as a number in base 85; the last ones may lack some of both.
function decodeBase85(text) {
  const lacking = (5 - (text.length % 5)) % 5, whole = text + "~".repeat(lacking);
  const values = new Uint8Array(128);
  for (let value = 0; value < 85; value++) values[DIGITS.charCodeAt(value)] = value;
  const view = new DataView(new ArrayBuffer((whole.length / 5) * 4));
  for (let start = 0; start < whole.length; start += 5) {
    let number = 0;
    for (let i = start; i < start + 5; i++) number = number * 85 + values[whole.charCodeAt(i)];
    view.setUint32((start / 5) * 4, number);
  }
  return new Uint8Array(view.buffer, 0, view.byteLength - lacking);
}

async function inflate(bytes) {
  if (typeof DecompressionStream === "undefined") return inflateBytes(bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// Weights are float32, bfloat16, or integers with a scale per column: see charlstm/export/packed_weights.py.
function unpackWeights(buffer, layout) {
  const view = new DataView(buffer);
  let place = 0;
  const readFloats = (count) => {
    const floats = new Float32Array(count);
    for (let i = 0; i < count; i++, place += 4) floats[i] = view.getFloat32(place, true);
    return floats;
  };
  const readBytes = (Kind, count) => {
    place += count;
    return new Kind(buffer, place - count, count);
  };
  const readBfloat16 = (count) => {
    const low = readBytes(Uint8Array, count), high = readBytes(Uint8Array, count);
    return new Float32Array(Uint32Array.from(low, (byte, i) => (byte << 16) | (high[i] << 24)).buffer);
  };
  const readIntegers = (count, columns, bits) => {
    const scales = readFloats(columns);
    if (bits <= 8) return Float32Array.from(readBytes(Int8Array, count), (byte, i) => scales[i % columns] * byte);
    const low = readBytes(Uint8Array, count), high = readBytes(Int8Array, count);
    return Float32Array.from(low, (byte, i) => scales[i % columns] * (256 * high[i] + byte));
  };
  const weights = {};
  for (const { name, shape, format } of layout) {
    const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]];
    const count = rows * columns;
    const readers = { float32: () => readFloats(count), bfloat16: () => readBfloat16(count) };
    const data = (readers[format] ?? (() => readIntegers(count, columns, format)))();
    weights[name] = shape.length === 2 ? { data, rows, columns } : data;
  }
  return weights;
}

// Round to bfloat16, ties to even, as the network was trained.
function roundToBfloat16(values) {
  const rounded = new Float32Array(values);
  const bits = new Uint32Array(rounded.buffer);
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) & 0xffff0000;
  return rounded;
}

// Add x times a matrix from one of its rows on to sums; four rows at a time, since sums are then read less often.
function addProduct(sums, matrix, x, firstRow) {
  const { data, columns } = matrix;
  let row = 0;
  for (; row + 4 <= x.length; row += 4) {
    const x0 = x[row], x1 = x[row + 1], x2 = x[row + 2], x3 = x[row + 3];
    const r0 = (firstRow + row) * columns, r1 = r0 + columns, r2 = r1 + columns, r3 = r2 + columns;
    for (let j = 0; j < columns; j++) {
      sums[j] += x0 * data[r0 + j] + x1 * data[r1 + j] + x2 * data[r2 + j] + x3 * data[r3 + j];
    }
  }
  for (; row < x.length; row++) {
    const factor = x[row], start = (firstRow + row) * columns;
    for (let j = 0; j < columns; j++) sums[j] += factor * data[start + j];
  }
}

function softmax(logits, temperature = 1) {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  const probabilities = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  const sum = probabilities.reduce((a, b) => a + b, 0);
  return probabilities.map((p) => p / sum);
}

class Network {
  constructor(description, weights) {
    Object.assign(this, description); // cell, units, inputs, numLayers and the like: see charlstm/export/page.py
    this.alphabet = Array.from(description.characters);
    this.idOf = new Map(this.alphabet.map((character, id) => [character, id]));
    this.embedding = weights.embedding;
    this.output = { kernel: weights["output.kernel"], bias: weights["output.bias"] };
    this.layers = [];
    for (let layer = 0; layer < this.numLayers; layer++) {
      const prefix = `layers.${layer}.`;
      const names = Object.keys(weights).filter((name) => name.startsWith(prefix));
      this.layers.push(Object.fromEntries(names.map((name) => [name.slice(prefix.length), weights[name]])));
    }
    if (this.attention) this.attentionWeights = ["query", "key", "output"].map((part) => weights[`attention.${part}`]);
    this.projections = new Map(); // of the first layer's input, by character
    const round = this.precision === "bfloat16" ? roundToBfloat16 : (values) => values;
    this.linear = (bias, columns, terms) => {
      const sums = bias ? new Float64Array(bias) : new Float64Array(columns);
      for (const [matrix, operands] of terms) {
        let row = 0;
        for (const operand of operands) {
          addProduct(sums, matrix, round(operand), row);
          row += operand.length;
        }
      }
      return sums;
    };
  }

  initialStates() {
    const states = this.stateWidths.map((widths) => widths.map((width) => new Float64Array(width)));
    if (this.attention) {
      const keySize = this.attentionWeights[1].columns;
      const zeros = (size) => Array.from({ length: this.attention }, () => new Float64Array(size));
      states.push([zeros(this.units), zeros(keySize)]);
    }
    return states;
  }

  // The first layer's input for a character; for null, which stands for one that is not seen, nothing.
  row(id) {
    if (id === null) return new Float32Array(this.inputs);
    return this.embedding.data.subarray(id * this.inputs, (id + 1) * this.inputs);
  }

  // The first layer's kernel times the character's vector is the same whenever the character occurs.
  projection(id) {
    if (!this.projections.has(id)) {
      const { kernel, bias } = this.layers[0];
      const sums = new Float64Array(bias);
      addProduct(sums, kernel, this.row(id), 0);
      this.projections.set(id, sums);
    }
    return this.projections.get(id);
  }

  // Read a character, or null. `clamps` are {layer, unit, value}: outputs that are fixed before anything reads them.
  step(id, states, clamps = []) {
    let hidden = this.row(id), lower = null;
    const newStates = [], layers = [];
    for (let layer = 0; layer < this.numLayers; layer++) {
      const sizes = { units: this.units, inputs: layer ? this.units : this.inputs, one: 1 };
      const run = layer ? upperLayer : firstLayer;
      const projected = layer === 0 && this.hasTable ? this.projection(id) : null;
      const input = { x: hidden, lower, projected };
      const step = run(this.linear, this.layers[layer], sizes, input, states[layer]);
      // A grid LSTM has two outputs, the one along time being its first state; in other cells they are one array.
      for (const { unit, value } of clamps.filter((clamp) => clamp.layer === layer)) {
        step.output[unit] = value;
        if (this.isRecurrent) step.states[0][unit] = value;
      }
      const { output } = step, shown = Object.entries(step.activations);
      const activations = Object.fromEntries(shown.map(([name, numbers]) => [name, new Float32Array(numbers)]));
      layers.push({ output, cell: this.hasCellState ? step.states[1] : null, activations });
      newStates.push(step.states);
      lower = step.passedUp;
      hidden = layer && this.residual ? hidden.map((value, k) => value + output[k]) : output;
    }
    if (this.attention) {
      const attended = this.attend(hidden, states[this.numLayers]);
      newStates.push(attended.states);
      return { hidden: attended.hidden, states: newStates, layers, attention: attended.shares };
    }
    return { hidden, states: newStates, layers, attention: null };
  }

  // Attention over the last outputs, as charlstm/generation/numpy_attention.py.
  attend(hidden, [values, keys]) {
    const [query, key, output] = this.attentionWeights;
    const times = (x, matrix) => {
      const sums = new Float64Array(matrix.columns);
      addProduct(sums, matrix, x, 0);
      return sums;
    };
    const asked = times(hidden, query);
    const scores = keys.map((one) => one.reduce((sum, value, k) => sum + value * asked[k], 0) / Math.sqrt(key.columns));
    const shares = softmax(scores);
    const mixed = new Float64Array(this.units);
    values.forEach((value, place) => value.forEach((number, k) => { mixed[k] += shares[place] * number; }));
    const added = times(mixed, output);
    const states = [[...values.slice(1), hidden], [...keys.slice(1), times(hidden, key)]];
    return { hidden: hidden.map((value, k) => value + added[k]), states, shares };
  }

  logits(hidden) {
    return this.linear(this.output.bias, this.alphabet.length, [[this.output.kernel, [hidden]]]);
  }

  // Draw an id from the fewest most probable characters that together have the probability topP.
  sample(hidden, { temperature, topP }) {
    const logits = this.logits(hidden);
    if (this.unknown !== null) logits[this.idOf.get(this.unknown)] = -Infinity; // stands for rare ones: never written
    const greedy = temperature <= 0;
    const probabilities = softmax(logits, greedy ? 1 : temperature);
    const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]);
    if (greedy) return order[0];
    let kept = 0, sum = 0;
    while (kept < order.length && (kept === 0 || sum < topP)) sum += probabilities[order[kept++]];
    let left = Math.random() * sum;
    for (const id of order.slice(0, kept)) {
      left -= probabilities[id];
      if (left < 0) return id;
    }
    return order[0];
  }

  // The ids of what someone typed: in the normal form of the training text, and the nearest characters that are known.
  encode(text) {
    let spelled = this.normalize === "none" ? text : text.normalize(this.normalize.toUpperCase());
    if (this.lowercase) spelled = spelled.toLowerCase();
    const ids = [], refused = [];
    for (const character of spelled.replace(/\r\n?/g, "\n")) {
      const id = this.nearest(character);
      if (id === undefined) refused.push(character);
      else ids.push(id);
    }
    return { ids, refused };
  }

  nearest(character) {
    if (this.idOf.has(character)) return this.idOf.get(character);
    const [bare] = character.normalize("NFKD");
    for (const one of [character, bare, this.lookalikes[character], this.lookalikes[bare]]) {
      if (!one) continue;
      for (const other of [one, one.toLowerCase(), one.toUpperCase()]) {
        if (this.idOf.has(other)) return this.idOf.get(other);
      }
    }
    return undefined;
  }
}

async function loadNetwork(description, text) {
  return new Network(description, unpackWeights(await inflate(decodeBase85(text)), description.weights));
}
