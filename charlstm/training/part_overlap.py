"""How much of the validation and the test part stands in the training part: what is learned by heart is no test."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from charlstm.analysis.shared_passages import LONG_PASSAGE, long_passage_share
from charlstm.arrays import Ids
from charlstm.errors import CorpusError
from charlstm.text.batches import Dataset
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.id_files import in_chunks
from charlstm.text.part_reader import DividedText
from charlstm.text.validation_split import default_validation_split
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.training_data import TrainingData, own_validation_settings, split_text, splitting_config

MIN_SHARE = 0.01  # of the characters of a part, from which on the user is warned
COPIED_PASSAGE = 500  # characters: longer than the refrains and formulas that a text of its own repeats
MAX_AT_START = 10_000_000  # characters of all parts that are compared before training, about a second


def overlaps(dataset: Dataset, vocabulary: Vocabulary, divided: DividedText | None = None) -> dict[str, float]:
    """Return for `validation` and, if there is one, `test` which share of it the training part has as well.

    It is the share of the characters in passages of LONG_PASSAGE or more; case and the kind of white space do not
    count.
    """
    held_out = _held_out_parts(dataset, vocabulary, divided)
    return {name: long_passage_share(part, _text(dataset.training, vocabulary)) for name, part in held_out.items()}


def overlaps_of_text(divided: DividedText, settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the overlaps of a text, divided as a run with these settings divides it; none of one that is too short."""
    corpus = divided.corpus
    vocabulary = Vocabulary(corpus.characters)
    encoded = encode_text(corpus, vocabulary, unknown="error")
    default_split = default_validation_split(encoded.ids, vocabulary)
    try:
        own_validation = own_validation_settings(divided, encoded, vocabulary)
        config = splitting_config(dict(settings) | own_validation, default_split)
        return overlaps(split_text(encoded.ids, vocabulary, config), vocabulary, divided)
    except CorpusError:
        return {}


def overlap_warnings(data: TrainingData) -> list[str]:
    """Return a line for the user for each part that is not new; none for long texts, which take long to compare.

    A part of the text itself repeats what the text repeats, so only passages that must be copies count. In a part from
    a file of its own, passages of LONG_PASSAGE do.
    """
    dataset, vocabulary, test = data.dataset, data.vocabulary, data.divided.test if data.divided else None
    if len(dataset) + len(test or ()) > MAX_AT_START:
        return []
    warnings = []
    for name, part in _held_out_parts(dataset, vocabulary, data.divided).items():
        is_file = name in data.parts and bool(data.parts[name].sources)
        length = LONG_PASSAGE if is_file else COPIED_PASSAGE
        share = long_passage_share(part, _text(dataset.training, vocabulary), length=length)
        if share > MIN_SHARE:
            warnings.append(
                f"{share:.0%} of the {name} part stands in the training part too, in passages of {length} or more "
                "characters: new text is predicted less well"
            )
    return warnings


def _held_out_parts(dataset: Dataset, vocabulary: Vocabulary, divided: DividedText | None) -> dict[str, Iterable[str]]:
    """Return the validation part and, if there is one, the test part, in pieces."""
    parts: dict[str, Iterable[str]] = {"validation": _text(dataset.validation, vocabulary)}
    return parts | ({"test": divided.test.chunks()} if divided and divided.test else {})


def _text(ids: Ids, vocabulary: Vocabulary) -> Iterator[str]:
    return map(vocabulary.decode, in_chunks(ids))
