// A text and what happened inside the network while it read it, character by character.

class Reader {
  constructor(network) {
    this.network = network;
    this.ids = [];
    this.trace = []; // what each character left: the last layer's output, states, layers, surprise in bits
    this.clamps = []; // {layer, unit, value}
    this.start = network.initialStates();
  }

  get isDone() {
    return this.trace.length === this.ids.length;
  }

  character(place) {
    return this.network.alphabet[this.ids[place]];
  }

  characters(from = 0, to = this.ids.length) {
    return this.ids.slice(from, to).map((id) => this.network.alphabet[id]);
  }

  // Replace characters; what was read behind them has to be read again.
  splice(place, count, ids) {
    this.ids.splice(place, count, ...ids);
    this.trace.length = Math.min(this.trace.length, place);
  }

  setClamps(clamps) {
    this.clamps = clamps;
    this.trace.length = 0;
  }

  // Read on for some milliseconds, but at least one character; return the place of the first one read.
  read(milliseconds) {
    const first = this.trace.length, end = performance.now() + milliseconds;
    while (!this.isDone) {
      this.readOne();
      if (performance.now() > end) break;
    }
    return first;
  }

  readOne() {
    const place = this.trace.length, id = this.ids[place], before = this.trace[place - 1];
    const surprise = before ? -Math.log2(softmax(this.network.logits(before.hidden))[id]) : NaN;
    const total = before ? before.total + surprise : 0; // of all surprises so far
    this.trace.push({ ...this.network.step(id, before ? before.states : this.start, this.clamps), surprise, total });
  }

  // How far the prediction at a place moves if an earlier character is not seen: the divergence, in bits.
  reach(place, other) {
    let states = other > 0 ? this.trace[other - 1].states : this.start, step = null;
    for (let t = other; t < place; t++) {
      step = this.network.step(t === other ? null : this.ids[t], states, this.clamps);
      states = step.states;
    }
    const without = softmax(this.network.logits(step.hidden));
    const seen = softmax(this.network.logits(this.trace[place - 1].hidden));
    return seen.reduce((sum, p, id) => sum + (p > 0 ? p * Math.log2(p / Math.max(without[id], 1e-30)) : 0), 0);
  }

  // The mean surprise in bits per character; NaN before the second character.
  meanSurprise() {
    return this.trace.length > 1 ? this.trace.at(-1).total / (this.trace.length - 1) : NaN;
  }

  // The numbers that can be looked at, by name: each with a function from a step of a layer to an array of all units.
  quantities() {
    const step = this.trace[0] ?? this.network.step(0, this.start);
    const result = { output: (layer) => layer.output };
    if (this.network.hasCellState) result.cell_state = (layer) => layer.cell;
    for (const name of new Set(step.layers.flatMap((layer) => Object.keys(layer.activations)))) {
      result[name] = (layer) => layer.activations[name];
    }
    return result;
  }
}
