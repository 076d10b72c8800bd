"""What `train` does to start a run: read the text, choose the settings, train."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cells.registry import get_cell
from charlstm.cli import launch, settings
from charlstm.cli.display.messages import say
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError, SettingError
from charlstm.kernels import fastest_precision
from charlstm.machine import num_cores, save_throughput
from charlstm.text.decoding import DecodingOptions
from charlstm.training.auto_config import SEQUENCE_LENGTH, AutoConfigInputs, choose, describe, make_configs, needs_speed

if TYPE_CHECKING:
    from charlstm.storage.model_file import Model
    from charlstm.storage.run_folder import RunFolder
    from charlstm.text.batches import Dataset
    from charlstm.text.corpus import Corpus
    from charlstm.text.vocabulary import Vocabulary
    from charlstm.training.loop import TrainingRun


@dataclass(frozen=True)
class NewRun:
    """What was asked for: where, on which texts, with which settings."""

    run: "RunFolder"
    texts: list[str]
    given: dict[str, Any]
    reading: DecodingOptions
    min_count: int
    start_from: str | None
    unknown: str | None
    overwrite: bool
    checkpoint_every: float
    quiet: bool

    def tell(self, line: str) -> None:
        if not self.quiet:
            say(line)


@dataclass(frozen=True)
class Material:
    """A text that has been read, in the ids of the vocabulary it will be learned in."""

    corpus: "Corpus"
    vocabulary: "Vocabulary"
    dataset: "Dataset"
    start: "Model | None"

    @property
    def cannot_be_read_again(self) -> bool:
        """Whether the text came from standard input or a pipe."""
        from charlstm.text.sources import STANDARD_INPUT

        return STANDARD_INPUT in self.corpus.sources


def begin(new: NewRun) -> None:
    """Start a new run and train it to its end."""
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model

    get_cell(new.given.get("cell", ModelConfig.cell))  # refuses an unknown one
    if not new.overwrite:
        new.run.check_is_free()
    start = None if new.start_from is None else load_model(find_model(new.start_from))
    if start:
        new = _fitted_to(start, new)
    _refuse_another_window(new)
    material = _read(new, start)
    _refuse_own_files(new, material.corpus)
    new.run.create()
    with launch.owned(new.run) as interruption:
        if not new.overwrite:
            new.run.check_is_free()  # another may have trained here while the text was read
        training = _training(new, material)
        interruption.can_wait = True  # what was there before goes now
        new.run.clear()
        if material.cannot_be_read_again:
            launch.keep_text(training)
        launch.go(training, interruption, checkpoint_every=new.checkpoint_every, quiet=new.quiet)


def _refuse_another_window(new: NewRun) -> None:
    """Raises SettingError for a sequence length that is not the window of a network that sees one."""
    window, length = new.given.get("window"), new.given.get("sequence_length")
    if window and length not in (None, window):
        raise SettingError(
            f"--sequence-length is {length}, but the network sees windows of {window}", hint="leave it out"
        )


def _refuse_own_files(new: NewRun, corpus: "Corpus") -> None:
    """Raises RunError if the text is one of the files that a run would replace."""
    replaced = {file.resolve() for file in new.run.files}
    for source in corpus.sources:
        if Path(source).resolve() in replaced:
            raise RunError(
                f"{source} is the text, and a training in {new.run.path} would replace it",
                hint="give another folder with --out",
            )


def _fitted_to(model: "Model", new: NewRun) -> NewRun:
    """The same with the shape and the case of a model; raises SettingError where it contradicts what was given."""
    name = str(new.start_from)
    if new.reading.lowercase and not model.vocabulary.lowercase:
        raise SettingError(f"--lowercase is given, but {name} knows capitals", hint="leave --lowercase out")
    shape = model.config.to_json()
    settings.refuse_contradictions({key: new.given[key] for key in shape.keys() & new.given.keys()}, shape, name)
    reading = dataclasses.replace(new.reading, lowercase=model.vocabulary.lowercase)
    return dataclasses.replace(new, given=new.given | shape, reading=reading)


def _read(new: NewRun, start: "Model | None") -> Material:
    from charlstm.text.batches import split_for_validation
    from charlstm.text.corpus import load_corpus
    from charlstm.text.vocabulary import Vocabulary
    from charlstm.training.finetuning import grown_vocabulary

    corpus = load_corpus(new.texts, new.reading, on_message=new.tell)
    if start:
        vocabulary = start.vocabulary if new.unknown else grown_vocabulary(start, corpus.characters)
    else:
        vocabulary = Vocabulary.from_counts(
            corpus.characters, corpus.counts, lowercase=new.reading.lowercase, min_count=new.min_count
        )
    if start and start.config.encoding == "integer" and vocabulary != start.vocabulary:
        raise SettingError(
            f"{new.start_from} knows characters by their numbers, and the text has new ones",
            hint="leave them out: --unknown nearest",
        )
    dataset = split_for_validation(
        launch.ids_of(corpus, vocabulary, new.unknown or "skip", quiet=new.quiet),
        validation=new.given.get("validation", TrainingConfig.validation),
        sequence_length=new.given.get("window") or new.given.get("sequence_length", SEQUENCE_LENGTH),
    )
    return Material(corpus, vocabulary, dataset, start)


def _training(new: NewRun, material: Material) -> "TrainingRun":
    """Choose what was not given, with the measured speed of the machine, and say what was chosen."""
    given = {"precision": fastest_precision()} | new.given
    corpus, vocabulary, dataset = material.corpus, material.vocabulary, material.dataset
    with launch.tensorflow_started(quiet=new.quiet, precision=given["precision"]) as show:
        from charlstm.training.loop import TrainingRun
        from charlstm.training.throughput import measure_throughput

        show("measuring how fast this machine trains")
        speed = measure_throughput(precision=given["precision"]) if needs_speed(given) else None
        if speed:
            save_throughput(speed)
        situation = AutoConfigInputs(len(dataset.training), len(vocabulary), num_cores(), speed)
        chosen = choose(situation, given)
        training = TrainingRun(
            corpus,
            vocabulary,
            dataset,
            *make_configs(chosen),
            new.run,
            reading=new.reading,
            unknown=new.unknown or "skip",
            start=material.start,
        )
    new.tell(launch.introduction(corpus, vocabulary, training.config.validation))
    new.tell(describe(chosen, given, situation))
    return training
