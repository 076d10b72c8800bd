// The text: one span per character, so that each has its own colour and none changes the order of others.

const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/u;
const MARK = /\p{M}/u;
const SPACES = /[^\S\n\t ]/u; // spaces but the plain one
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;

// How a character is shown: what cannot be seen, or would change its surroundings, gets a symbol.
function shownCharacter(character) {
  const code = character.codePointAt(0);
  if (character === "\n") return { text: "\u21b5", isSymbol: true };
  if (character === "\t") return { text: "\u21e5", isSymbol: true };
  if (INVISIBLE.test(character) || SPACES.test(character)) {
    return { text: `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`, isSymbol: true };
  }
  if (MARK.test(character)) return { text: `\u25cc${character}`, isSymbol: false };
  return { text: character === " " ? " " : character, isSymbol: false };
}

const visible = (character) => (character === " " ? "\u2423" : shownCharacter(character).text);
const inLine = (characters) => characters.map((c) => shownCharacter(c).text).join("");

// Every line is a block of its own, so that a change costs the layout of its line and not of the whole text.
class TextView {
  constructor(element) {
    this.element = element;
    this.spans = [];
    this.caret = document.createElement("i"); // no span: it is no character
    this.caret.textContent = "\u200b";
    this.here = null;
  }

  // Show characters from a place on; those before it stay as they are.
  render(characterAt, count, from) {
    this.caret.remove();
    const first = this.spans[from]?.parentNode;
    while (first && this.element.lastChild !== first) this.element.lastChild.remove();
    for (const span of this.spans.splice(from)) if (span.parentNode === first) span.remove();
    if (first?.childNodes.length === 0) first.remove();
    for (let place = from; place < count; place++) {
      const character = characterAt(place), { text, isSymbol } = shownCharacter(character);
      const span = document.createElement("span");
      span.textContent = text;
      span.className = isSymbol ? "symbol pending" : "pending";
      span.place = place;
      if (place === 0 || characterAt(place - 1) === "\n") this.element.append(document.createElement("div"));
      this.element.lastChild.append(span);
      this.spans.push(span);
    }
    this.endsLine = count > 0 && characterAt(count - 1) === "\n";
    if (count > 200 && from > 0) return; // the direction of a longer text is known
    const shown = Array.from({ length: count }, (_, place) => characterAt(place));
    this.element.dir = 2 * shown.filter((c) => RIGHT_TO_LEFT.test(c)).length > count ? "rtl" : "ltr";
  }

  colour(place, { ground, ink }, title) {
    const span = this.spans[place];
    span.style.backgroundColor = ground;
    span.style.color = ink;
    span.classList.remove("pending");
    if (title) span.title = title;
  }

  // Mark the character that is looked at, and put the caret before another one.
  mark(place, caret) {
    if (this.here !== this.spans[place]) this.here?.classList.remove("here");
    this.here = this.spans[place] ?? null;
    this.here?.classList.add("here");
    const next = this.spans[caret];
    if (next) {
      if (this.caret.nextSibling !== next) next.before(this.caret);
    } else if (this.endsLine || !this.spans.length) {
      if (this.caret.parentNode !== this.element || this.caret.nextSibling) this.element.append(this.caret);
    } else if (this.caret.previousSibling !== this.spans.at(-1)) this.spans.at(-1).after(this.caret);
  }

  // The place in the line above or below that is nearest to a place.
  nextLine(place, direction) {
    const box = (this.spans[place] ?? this.caret).getBoundingClientRect();
    let best = null, bestDistance = Infinity;
    const step = direction < 0 ? -1 : 1;
    let line = null;
    for (let other = place + step; other >= 0 && other < this.spans.length; other += step) {
      const candidate = this.spans[other].getBoundingClientRect();
      const moved = step * (candidate.top + candidate.bottom - box.top - box.bottom) > box.height;
      if (!moved) continue;
      line ??= candidate.top + candidate.height / 2;
      if (Math.abs(candidate.top + candidate.height / 2 - line) > candidate.height / 2) break;
      const distance = Math.abs(candidate.left - box.left);
      if (distance < bestDistance) [best, bestDistance] = [other, distance];
    }
    return best ?? (direction < 0 ? 0 : this.spans.length);
  }

  scrollTo(place, pane) {
    const target = this.spans[place] ?? this.caret;
    const box = target.getBoundingClientRect(), frame = pane.getBoundingClientRect();
    if (box.top < frame.top + 8) pane.scrollTop -= frame.top + 40 - box.top;
    else if (box.bottom > frame.bottom - 8) pane.scrollTop += box.bottom - frame.bottom + 40;
  }
}
