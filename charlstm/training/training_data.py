"""A text that is ready to train on, and where to read it again."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from charlstm.analysis.evaluation import EvaluationStreams, evaluation_streams, window_streams
from charlstm.arrays import Ids
from charlstm.atomic_files import open_atomically
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import Dataset, Streams, Windows
from charlstm.text.corpus import Corpus
from charlstm.text.decoding import DecodingOptions
from charlstm.text.known_lines import MAX_KEPT_LINES, KnownLines
from charlstm.text.line_starts import begins_on_new_line, find_line_starts
from charlstm.text.streams import STANDARD_INPUT
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class TrainingData:
    """A text, its vocabulary, and its ids split for validation."""

    corpus: Corpus
    vocabulary: Vocabulary
    dataset: Dataset
    decoding: DecodingOptions = dataclasses.field(default_factory=DecodingOptions)
    unknown: str = "skip"  # policy for characters outside the vocabulary

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

    def describe(self, validation: float) -> str:
        """Return one line for the user."""
        return (
            f"{self.corpus.name}: {len(self.corpus):,} characters, {len(self.vocabulary)} different; "
            f"the last {validation:.0%} for validation"
        )

    def text_to_json(self) -> dict[str, Any]:
        """Return everything that is needed to read the text again, and to notice if it has changed."""
        return {
            "name": self.corpus.name,
            "sources": self.corpus.sources,
            "reading": self.decoding.to_json(),
            "unknown": self.unknown,
            "characters": len(self.corpus),
            "sha256": self.corpus.digest,
        }

    def saved_in(self, folder: RunFolder) -> "TrainingData":
        """Save the text in a run folder, and return the same data with that file as its source."""
        with open_atomically(folder.text) as file:
            for chunk in self.corpus.chunks():
                file.write(chunk.encode())
        corpus = dataclasses.replace(self.corpus, sources=(str(folder.text.absolute()),))
        decoding = DecodingOptions(
            encoding="utf-8", normalize="none", keep_boilerplate=True, lowercase=self.decoding.lowercase
        )
        return dataclasses.replace(self, corpus=corpus, decoding=decoding)


def encode(corpus: Corpus, vocabulary: Vocabulary, unknown: str) -> tuple[Ids, dict[str, str]]:
    """Return the ids of a text, and what each character outside the vocabulary was changed to (nothing: left out)."""
    table = vocabulary.id_table(corpus.characters, unknown)
    return corpus.remap(table.ids, size=len(vocabulary)), table.replacements
