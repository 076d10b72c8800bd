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
  if (code < 32) return { text: String.fromCodePoint(0x2400 + code), isSymbol: true };
  if (code === 127) return { text: "\u2421", isSymbol: true };
  if (INVISIBLE.test(character) || SPACES.test(character)) {
    return { text: `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`, isSymbol: true };
  }
  if (MARK.test(character)) return { text: `\u25cc${character}`, isSymbol: false };
  return { text: character === " " ? " " : character, isSymbol: false };
}

const visible = (character) => (character === " " ? "\u2423" : shownCharacter(character).text);
const inLine = (characters) => characters.map((c) => shownCharacter(c).text).join("");

class TextView {
  constructor(element) {
    this.element = element;
    this.spans = [];
    this.caret = document.createElement("i"); // no span: it is no character
    this.caret.textContent = "\u200b";
    this.here = null;
  }

  // Show characters from a place on; those before it stay as they are.
  render(characters, from) {
    for (const span of this.spans.splice(from)) span.remove();
    this.caret.remove();
    const fragment = document.createDocumentFragment();
    for (let place = from; place < characters.length; place++) {
      const span = document.createElement("span");
      const { text, isSymbol } = shownCharacter(characters[place]);
      span.textContent = text;
      span.className = isSymbol ? "symbol pending" : "pending";
      span.place = place;
      this.spans.push(span);
      fragment.append(span);
      if (characters[place] === "\n") fragment.append(this.lineBreakOf(span));
    }
    this.element.append(fragment);
    const count = characters.filter((character) => RIGHT_TO_LEFT.test(character)).length;
    this.element.dir = 2 * count > characters.length ? "rtl" : "ltr";
  }

  lineBreakOf(span) {
    const lineBreak = document.createElement("br");
    const remove = span.remove.bind(span);
    span.remove = () => { lineBreak.remove(); remove(); };
    return lineBreak;
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
    this.here?.classList.remove("here");
    this.here = this.spans[place] ?? null;
    this.here?.classList.add("here");
    if (this.spans[caret]) this.spans[caret].before(this.caret);
    else this.element.append(this.caret);
  }

  isAtEnd() {
    return this.caret.nextSibling === null;
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
