"""A whole text in the ids of a vocabulary that may not have all of its characters."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from charlstm.arrays import Ids
from charlstm.text.corpus import Corpus
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class EncodedCorpus:
    """A text in the ids of a model, and the characters in it that the model does not know."""

    ids: Ids  # (characters,)
    num_skipped: int
    num_replaced: int
    changes: Mapping[str, str]  # unknown character to its replacement, which may be empty

    def unknown_to_json(self) -> dict[str, int]:
        return {"left_out": self.num_skipped, "changed": self.num_replaced}


def encode_text(corpus: Corpus, vocabulary: Vocabulary, *, unknown: str, keeps_rare: bool = False) -> EncodedCorpus:
    """Encode a text that was read in the vocabulary's normal form and case.

    `unknown` is the policy for unknown characters, and `keeps_rare` is for training: see `Vocabulary.id_table`.
    """
    has_other_spellings = vocabulary.normalize == "none" and not keeps_rare
    if has_other_spellings and not set(corpus.characters) <= set(vocabulary.characters):
        return _encode_spelled(corpus, vocabulary, unknown)
    table = vocabulary.id_table(corpus.characters, unknown, keeps_rare=keeps_rare)
    counts = dict(zip(corpus.characters, corpus.counts, strict=True))
    return _encoded(corpus.remap(table.ids, size=len(vocabulary)), table.replacements, counts)


def _encode_spelled(corpus: Corpus, vocabulary: Vocabulary, unknown: str) -> EncodedCorpus:
    """Encode a text whose letters the vocabulary may know composed or decomposed, chunk by chunk."""
    chunks = [np.empty(0, np.min_scalar_type(len(vocabulary) - 1))]
    counts: Counter[str] = Counter()
    for chunk in corpus.chunks():
        spelled, _ = vocabulary.adapt(chunk, unknown)
        chunks.append(vocabulary.encode(spelled))
        counts.update(vocabulary.spell(chunk))
    changes = vocabulary.id_table("".join(sorted(counts)), unknown).replacements
    return _encoded(np.concatenate(chunks), changes, counts)


def _encoded(ids: Ids, changes: Mapping[str, str], counts: Mapping[str, int]) -> EncodedCorpus:
    num_skipped = sum(counts[old] for old, new in changes.items() if not new)
    num_replaced = sum(counts[old] for old, new in changes.items() if new)
    return EncodedCorpus(ids, num_skipped, num_replaced, changes)
