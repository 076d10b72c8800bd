"""A range of a text, and two texts one after the other, as texts of their own."""

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import chain

from charlstm.text.corpus import Corpus
from charlstm.text.encoded_text import encode_chunks
from charlstm.text.id_files import in_chunks
from charlstm.text.vocabulary import from_code_points, to_code_points


def corpus_range(corpus: Corpus, start: int, end: int) -> Corpus:
    """Return the characters from `start` to before `end`, at least one, with no trace of those outside of them."""
    return corpus if (start, end) == (0, len(corpus)) else _with_text(corpus, _chunks(corpus, start, end))


def join_corpora(first: Corpus, second: Corpus) -> Corpus:
    """Return the two texts as one, with nothing between them, under the name and the sources of the first."""
    return _with_text(first, chain(first.chunks(), second.chunks()))


def _chunks(corpus: Corpus, start: int, end: int) -> Iterator[str]:
    code_points = to_code_points(corpus.characters)
    for ids in in_chunks(corpus.ids[start:end]):
        yield from_code_points(code_points[ids])


def _with_text(corpus: Corpus, chunks: Iterable[str]) -> Corpus:
    encoded = encode_chunks(chunks)
    return dataclasses.replace(
        corpus, characters=encoded.characters, counts=encoded.counts, ids=encoded.ids, digest=encoded.digest
    )
