"""Figures about a text: its length, its characters, their entropies, and how well compressors do on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from charlstm.text.corpus import Corpus
from charlstm.text.entropy import MAX_CHARACTERS, compressed_bits, conditional_entropies


@dataclass(frozen=True)
class TextStatistics:
    """Figures about a text; of a long one, entropies and compressed sizes are those of its start."""

    name: str
    num_characters: int
    num_lines: int
    digest: str  # SHA-256
    counts: Mapping[str, int]  # of each character, the most frequent first
    entropies: Sequence[float]  # bits per character, given the 0, 1, 2, ... characters before it
    compressed_bits: Mapping[str, float]  # bits per character, by compressor

    def to_json(self) -> dict[str, Any]:
        return {
            "text": self.name,
            "characters": self.num_characters,
            "lines": self.num_lines,
            "sha256": self.digest,
            "alphabet": dict(self.counts),
            "entropies": list(self.entropies),
            "compressors": dict(self.compressed_bits),
        }


def text_statistics(corpus: Corpus) -> TextStatistics:
    """Return the figures of a text."""
    counts = dict(zip(corpus.characters, corpus.counts, strict=True))
    ends_with_newline = corpus.characters[int(corpus.ids[-1])] == "\n"
    return TextStatistics(
        name=corpus.name,
        num_characters=len(corpus),
        num_lines=counts.get("\n", 0) + (not ends_with_newline),
        digest=corpus.digest,
        counts=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        entropies=conditional_entropies(corpus.ids[:MAX_CHARACTERS]),
        compressed_bits=compressed_bits(corpus.head(MAX_CHARACTERS)),
    )
