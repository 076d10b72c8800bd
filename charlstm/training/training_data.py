"""A text that is ready to train on, and where to read it again."""

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from charlstm.analysis.evaluation_streams import EvaluationStreams, evaluation_streams, window_streams
from charlstm.arrays import Ids
from charlstm.atomic_files import open_atomically
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import CorpusError
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import Dataset, Streams, Windows, split_for_validation
from charlstm.text.corpus import Corpus
from charlstm.text.corpus_encoding import EncodedCorpus, encode_text
from charlstm.text.corpus_parts import corpus_range
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.id_files import in_chunks
from charlstm.text.known_lines import MAX_KEPT_LINES, KnownLines
from charlstm.text.line_lists import is_line_list
from charlstm.text.line_starts import begins_on_new_line, find_line_starts
from charlstm.text.part_reader import DividedText
from charlstm.text.parts import Part
from charlstm.text.streams import STANDARD_INPUT
from charlstm.text.validation_check import compare_parts
from charlstm.text.validation_split import block_size, line_pieces
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.auto_config import DEFAULT_SEQUENCE_LENGTH


@dataclass(frozen=True)
class TrainingData:
    """A text, its vocabulary, and its ids split for validation."""

    corpus: Corpus  # the training and the validation part
    vocabulary: Vocabulary
    dataset: Dataset
    decoding: DecodingOptions = dataclasses.field(default_factory=DecodingOptions)
    unknown: str = "skip"  # policy for characters outside the vocabulary
    keeps_rare: bool = True  # those that the policy would leave out become the vocabulary's character for rare ones
    divided: DividedText | None = None  # where `corpus` comes from; None: it is a text without given parts

    @cached_property
    def line_starts(self) -> list[str]:
        """Beginnings of lines of the training text, for prompts."""
        return find_line_starts(self.dataset.training, self.vocabulary)

    @cached_property
    def known_lines(self) -> KnownLines | None:
        """The lines of the whole text if it is a list of short lines, and not too many for a model file."""
        if not any(map(begins_on_new_line, self.line_starts)):
            return None
        lines = KnownLines.from_chunks(self.corpus.chunks())
        return lines if len(lines) <= MAX_KEPT_LINES else None

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that were given, by name: `training`, `validation` and `test`; none without given parts."""
        return self.divided.parts.by_name if self.divided and self.divided.parts else {}

    @property
    def split_settings(self) -> dict[str, Any]:
        """The settings of the config that divide the text for validation, as far as the text decides them."""
        settings: dict[str, Any] = {"validation_split": self.dataset.validation_split}
        if self.divided and self.divided.has_own_validation:
            settings["validation"] = len(self.dataset.validation) / len(self.dataset)
        return settings

    @property
    def test_sha256(self) -> str | None:
        """The digest of the test part; None if there is none."""
        return self.parts["test"].sha256 if "test" in self.parts else None

    @property
    def sources(self) -> list[str]:
        """Where all parts of the text can be read again."""
        return [*self.corpus.sources, *(source for part in self.parts.values() for source in part.sources)]

    @property
    def can_be_read_again(self) -> bool:
        """Whether the text is in files, and did not come from standard input or a pipe."""
        return STANDARD_INPUT not in self.corpus.sources

    def training_streams(self, model_config: ModelConfig, config: TrainingConfig) -> Streams | Windows:
        """Return the batches to train on."""
        ids = self.dataset.training
        if model_config.window:
            return Windows(ids, config.batch_size, model_config.window, config.random_seed)
        return Streams(ids, config.batch_size, config.sequence_length)

    def validation_streams(self, model_config: ModelConfig) -> EvaluationStreams:
        """Return the validation text, cut into streams that are scored in parallel."""
        ids = self.dataset.validation
        return window_streams(ids, model_config.window) if model_config.window else evaluation_streams(ids)

    @cached_property
    def num_different(self) -> int:
        """The number of different characters that are learned."""
        is_learned = np.zeros(len(self.vocabulary), np.bool_)
        for part in (self.dataset.training, self.dataset.validation):
            for ids in in_chunks(part):
                is_learned[ids] = True
        return int(is_learned.sum())

    def describe(self, config: TrainingConfig) -> str:
        """Return one line for the user."""
        parts = [f"{self.corpus.name}: {len(self.dataset):,} characters, {self.num_different} different"]
        if is_line_list(self.corpus.ids, Vocabulary(self.corpus.characters)):
            num_lines = len(line_pieces(self.corpus.ids, Vocabulary(self.corpus.characters)))
            parts.append(f"a list of {num_lines:,} short lines")
        validation, test = self.parts.get("validation"), self.parts.get("test")
        kept = self._describe_validation(config) if validation is None else _describe_part(validation)
        parts.append(f"{kept} for validation")
        return "; ".join(parts + ([f"{_describe_part(test)} for testing"] if test else []))

    def validation_warning(self, config: TrainingConfig) -> str:
        """Return one line for the user if the end of the text, kept for validation, is not like the rest; else ""."""
        if config.validation_split != "end":
            return ""
        difference = compare_parts(self.dataset, self.vocabulary).describe()
        if not difference:
            return ""
        if "validation" in self.parts:
            return f"the validation part is not like the training part: {difference}"
        return (
            f"the last {100 * config.validation:.3g}% of the text, which is for validation, is not like the rest: "
            f"{difference}. Validation losses will say little about the rest: try `validation_split` blocks"
        )

    def _describe_validation(self, config: TrainingConfig) -> str:
        percent = f"{100 * config.validation:.3g}%"
        match config.validation_split:
            case "lines":
                interval = 1 / config.validation
                is_whole = math.isclose(interval, round(interval))
                lines = f"one line in {interval:.0f}" if is_whole else f"{percent} of the lines"
                return f"{lines}, drawn at random,"
            case "blocks":
                size = block_size(len(self.dataset), config.validation)
                return f"{percent} of its blocks of about {size:,} characters, drawn at random,"
            case _:
                return f"the last {percent}"

    def text_to_json(self) -> dict[str, Any]:
        """Return everything that is needed to read the text again, and to notice if it has changed."""
        parts = self.divided.parts if self.divided else None
        text = {
            "name": self.corpus.name,
            "sources": self.corpus.sources,
            "reading": self.decoding.to_json(),
            "unknown": self.unknown,
            "keeps_rare": self.keeps_rare,
            "characters": len(self.corpus),
            "sha256": self.corpus.digest,
        }
        return text | ({"parts": parts.to_json()} if parts else {})

    def saved_in(self, folder: RunFolder) -> "TrainingData":
        """Save the text in a run folder, and return the same data with that file as its source."""
        whole = self.divided.whole if self.divided else None
        with open_atomically(folder.text) as file:
            for chunk in (whole or self.corpus).chunks():
                file.write(chunk.encode())
        corpus = dataclasses.replace(self.corpus, sources=(str(folder.text.absolute()),))
        decoding = DecodingOptions(
            encoding="utf-8", normalize="none", keep_boilerplate=True, lowercase=self.decoding.lowercase
        )
        divided = self.divided
        if divided and divided.parts:  # parts in files of their own are read as before
            divided = dataclasses.replace(divided, parts=dataclasses.replace(divided.parts, reading=self.decoding))
        return dataclasses.replace(self, corpus=corpus, decoding=decoding, divided=divided)


def _describe_part(part: Part) -> str:
    return f"{part.describe()} ({part.num_characters:,} characters)"


def own_validation_settings(
    divided: DividedText,
    encoded: EncodedCorpus,
    vocabulary: Vocabulary,
    *,
    unknown: str = "skip",
    keeps_rare: bool = True,
) -> dict[str, Any]:
    """Return the settings that give a run the validation part of its text, if it has one: the share at its end.

    `encoded` is the text in the ids of the vocabulary, in which characters may be left out. Raises CorpusError if it
    leaves fewer than two of the validation part, or none of the training part.
    """
    if divided.num_validation is None:
        return {}
    num_validation = divided.num_validation
    if encoded.num_skipped:
        tail = corpus_range(divided.corpus, len(divided.corpus) - num_validation, len(divided.corpus))
        num_validation = len(encode_text(tail, vocabulary, unknown=unknown, keeps_rare=keeps_rare).ids)
    if not 2 <= num_validation < len(encoded.ids):
        raise CorpusError(
            f"the validation part has {num_validation:,} and the training part "
            f"{len(encoded.ids) - num_validation:,} characters that are learned",
            hint="give a longer validation part and a longer training part",
        )
    return {"validation": num_validation / len(encoded.ids), "validation_split": "end"}


def splitting_config(settings: dict[str, Any], default_split: str) -> TrainingConfig:
    """Return a config whose settings for the split are those of the run; the others may still be chosen."""
    names = ("validation", "validation_split", "random_seed", "split_seed")
    fixed = {name: settings[name] for name in names if name in settings}
    length = settings.get("window") or settings.get("sequence_length", DEFAULT_SEQUENCE_LENGTH)
    return TrainingConfig(**{"validation_split": default_split, "sequence_length": length} | fixed)


def split_text(ids: Ids, vocabulary: Vocabulary, config: TrainingConfig) -> Dataset:
    """Return the training and the validation part of a text, as a run with this config has them."""
    return split_for_validation(
        ids,
        validation=config.validation,
        sequence_length=config.sequence_length,
        validation_split=config.validation_split,
        vocabulary=vocabulary,
        random_seed=config.split_random_seed,
    )
