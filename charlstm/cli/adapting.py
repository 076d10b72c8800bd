"""Models that learn from a text while they read it: the options, and what is said about it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from charlstm.cli.completion import complete_texts
from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import changes_line, say
from charlstm.cli.display.progress import progress_over
from charlstm.cli.options import PROMPT, option
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
from charlstm.figures import counted, plain
from charlstm.machine import num_cores
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.analysis.adaptation import AdaptiveNetwork
    from charlstm.analysis.evaluation import Scores
    from charlstm.arrays import Ids
    from charlstm.generation.generate import LanguageModel
    from charlstm.generation.load import LoadedModel
    from charlstm.storage.model_file import Model

    Learn = Callable[[str], LanguageModel | None]

AdaptText = Annotated[
    str | None,
    option(
        "--adapt",
        metavar="FILE",
        panel=PROMPT,
        autocompletion=complete_texts,
        help="Before anything is generated, let a copy of the model read and learn this text.",
    ),
]
AdaptRate = Annotated[
    float | None,
    option(
        "--adapt-rate",
        metavar="RATE",
        panel=PROMPT,
        help=f"Learning rate of --adapt. Default: {plain(AdaptationConfig.adapt_rate)}.",
    ),
]
AdaptDecay = Annotated[
    float | None,
    option(
        "--adapt-decay",
        metavar="SHARE",
        panel=PROMPT,
        help="Share of the way back to the trained weights that each update of --adapt goes. "
        f"Default: {plain(AdaptationConfig.adapt_decay)}.",
    ),
]
AdaptLength = Annotated[
    int | None,
    option(
        "--adapt-length",
        metavar="N",
        panel=PROMPT,
        help=f"Characters that --adapt predicts before it learns them. Default: {AdaptationConfig.adapt_length}.",
    ),
]


def adaptation_config(
    *, adapt: bool, adapt_rate: float | None, adapt_decay: float | None, adapt_length: int | None
) -> AdaptationConfig | None:
    """Return how a model learns while it reads, or None if it does not. Raises SettingError for settings in vain."""
    settings = {"adapt_rate": adapt_rate, "adapt_decay": adapt_decay, "adapt_length": adapt_length}
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    if adapt:
        return AdaptationConfig(**given)
    for name in given:
        raise SettingError(f"`{name}` has no effect without `adapt`", hint=f"give `adapt`, or leave `{name}` out")
    return None


@contextmanager
def adaptive_network(model: "Model", config: AdaptationConfig, *, quiet: bool) -> Iterator["AdaptiveNetwork"]:
    """Yield a copy of a model that learns what it reads. Raises LibraryError without TensorFlow."""
    from charlstm.network.backend import import_tensorflow, set_threads, tensorflow_memory_errors

    with starting_tensorflow(quiet=quiet):
        import_tensorflow(without="leave `adapt` out to do without it")
        set_threads(num_cores())
        from charlstm.analysis.adaptation import AdaptiveNetwork

    with tensorflow_memory_errors():
        yield AdaptiveNetwork(model, config)


@dataclass(frozen=True)
class AdaptedScores:
    """How well a model that learns predicts a text, and how it learns."""

    scores: "Scores"
    config: AdaptationConfig

    def to_json(self) -> dict[str, Any]:
        return self.scores.to_json() | {"settings": self.config.to_json()}

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of a table."""
        scores, config = self.scores, self.config
        figures = f"{scores.nats_per_character:.4f} nats, {scores.bits_per_character:.4f} bits"
        every = counted(config.adapt_length, "character")
        return [
            ("adapted", f"{figures}, perplexity {scores.perplexity:.3f}, accuracy {scores.accuracy:.2%}"),
            ("adapting", f"every {every}, rate {plain(config.adapt_rate)}, decay {plain(config.adapt_decay)}"),
        ]


def score(model: "Model", ids: "Ids", config: AdaptationConfig, *, quiet: bool) -> AdaptedScores:
    """Score ids (characters,) with a copy of a model that learns them."""
    with adaptive_network(model, config, quiet=quiet) as network:
        return AdaptedScores(_read_and_learn(network, ids, "scoring and learning"), config)


@dataclass(frozen=True)
class LearnedText:
    """A text that models have learned after they were loaded."""

    name: str  # as the user gave it
    config: AdaptationConfig
    end: str  # its last characters, and a line end

    def to_json(self) -> dict[str, Any]:
        return {"text": self.name, "settings": self.config.to_json()}


def adapt_models(
    models: "list[LoadedModel]", name: str, config: AdaptationConfig, *, unknown: str, encoding: str | None
) -> "tuple[list[LoadedModel], LearnedText]":
    """Return copies of some models that have learned a text, each as it spells the text, and say how they read it.

    Raises CorpusError if the text is missing, unreadable, or shorter than two characters.
    """
    from charlstm.analysis.evaluation import encode_corpus
    from charlstm.generation.session import CONTEXT_LENGTH
    from charlstm.text.corpus import Corpus, load_corpus

    adapted, corpora = list["LoadedModel"](), dict[DecodingOptions, Corpus]()
    for loaded in models:
        vocabulary = loaded.model.vocabulary
        options = DecodingOptions(encoding, vocabulary.normalize, lowercase=vocabulary.lowercase)
        corpora[options] = corpora.get(options) or load_corpus([name], options, on_message=say)
        encoded = encode_corpus(corpora[options], vocabulary, unknown=unknown)
        if encoded.changes:
            say(changes_line(encoded.changes))
        with adaptive_network(loaded.model, config, quiet=False) as network:
            scores = _read_and_learn(network, encoded.ids, "learning the text")
            adapted.append(replace(loaded, model=network.model))
        characters = counted(scores.characters, "character")
        say(f"read and learned {characters} of {name}, predicted at {scores.nats_per_character:.4f} nats each")
    text = next(iter(corpora.values())).text
    return adapted, LearnedText(name, config, text[-CONTEXT_LENGTH:].rstrip("\n") + "\n")


@contextmanager
def learning_text(
    models: "list[LoadedModel]", text: str, config: AdaptationConfig | None, *, unknown: str
) -> "Iterator[Learn | None]":
    """Yield a function that learns a text as it grows, once this text has been learned; None without a config.

    Raises SettingError if there are several models.
    """
    if config is None:
        yield None
        return
    if len(models) > 1:
        raise SettingError("`adapt` is for one model", hint="give `model` once, or leave `adapt` out")
    with adaptive_network(models[0].model, config, quiet=False) as network:
        from charlstm.analysis.adaptation import TextLearner

        learner = TextLearner(network, unknown=unknown)
        for _ in progress_over(learner.learn(text), "learning the text", total=learner.num_segments(text)):
            pass
        yield learner.learned_model


def _read_and_learn(network: "AdaptiveNetwork", ids: "Ids", label: str) -> "Scores":
    """Let a network read ids (characters,) behind a progress bar; return how well it predicted them."""
    *_, scores = progress_over(network.read(ids), label, total=network.num_segments(ids))
    return scores
