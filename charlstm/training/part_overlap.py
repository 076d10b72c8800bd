"""How much of the validation and the test part stands in the training part: what is learned by heart is no test."""

from collections.abc import Iterator, Mapping
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
MAX_AT_START = 10_000_000  # characters of all parts that are compared before training, about a second


def overlaps(dataset: Dataset, vocabulary: Vocabulary, divided: DividedText | None = None) -> dict[str, float]:
    """Return for `validation` and, if there is one, `test` which share of it the training part has as well.

    It is the share of the characters in passages of LONG_PASSAGE or more; case and the kind of white space do not
    count.
    """

    def text(ids: Ids) -> Iterator[str]:
        return map(vocabulary.decode, in_chunks(ids))

    shares = {"validation": long_passage_share(text(dataset.validation), text(dataset.training))}
    if divided and divided.test:
        shares["test"] = long_passage_share(divided.test.chunks(), text(dataset.training))
    return shares


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
    """Return a line for the user for each part that is not new; none for long texts, which take long to compare."""
    test = data.divided.test if data.divided else None
    if len(data.dataset) + len(test or ()) > MAX_AT_START:
        return []
    shares = overlaps(data.dataset, data.vocabulary, data.divided)
    return [
        f"{share:.0%} of the {name} part stands in the training part too, in passages of {LONG_PASSAGE} or more "
        "characters: new text is predicted less well"
        for name, share in shares.items()
        if share > MIN_SHARE
    ]
