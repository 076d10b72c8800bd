"""Find passages of other texts, so that none of Shakespeare is in the text that a model is trained on."""

import re
from collections.abc import Iterable, Iterator

PASSAGE = 40  # normalised characters from the beginning of a word: any 50 that are shared contain such a passage


def normalise(text: str) -> str:
    """Return the words of a text in lower case with one blank between: quotes, stops and line ends do not count."""
    return " ".join(re.findall(r"[a-z]+", text.replace("'", "").lower()))


def passages(text: str) -> Iterator[str]:
    """Yield the `PASSAGE` characters that follow the beginning of each word."""
    words = normalise(text)
    for word in re.finditer(r"\b\w", words):
        passage = words[word.start() : word.start() + PASSAGE]
        if len(passage) == PASSAGE:
            yield passage


def known_passages(texts: Iterable[str]) -> frozenset[str]:
    """Return all passages of some texts, to look for in others."""
    return frozenset(passage for text in texts for passage in passages(text))


def shared_passages(text: str, known: frozenset[str]) -> list[str]:
    """Return the passages of a text that are known, in their order."""
    return [passage for passage in passages(text) if passage in known]


def without_passages(paragraphs: Iterable[str], known: frozenset[str]) -> Iterator[str]:
    """Yield the paragraphs that share no passage; of long verse only the lines around one are left out."""
    for paragraph in paragraphs:
        found = shared_passages(paragraph, known)
        if not found:
            yield paragraph
        elif paragraph.count("\n") > 20:
            rest = _without_lines(paragraph.split("\n"), known)
            if not shared_passages(rest, known):
                yield rest


def _without_lines(lines: list[str], known: frozenset[str]) -> str:
    """Return the lines but those of which three in a row share a passage."""
    threes = [range(max(0, i - 1), min(len(lines), i + 2)) for i in range(len(lines))]
    left_out = {j for three in threes if shared_passages("\n".join(lines[j] for j in three), known) for j in three}
    return "\n".join(line for number, line in enumerate(lines) if number not in left_out)
