"""Models that learn from a text while they read it: the options, and what is said about it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from charlstm.cli.completion import complete_texts
from charlstm.cli.display.evaluation_reporter import ShownEvaluation
from charlstm.cli.display.messages import changes_line, say
from charlstm.cli.display.progress import progress_over
from charlstm.cli.options import PROMPT, option
from charlstm.config import AdaptationConfig
from charlstm.errors import SettingError
from charlstm.figures import counted, plain
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.generation.generate import LanguageModel
    from charlstm.generation.load import LoadedModel

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
    from charlstm.analysis.adaptation import context_after, learn_ids
    from charlstm.analysis.evaluation import encode_corpus
    from charlstm.text.corpus import Corpus, load_corpus

    adapted, corpora = list["LoadedModel"](), dict[DecodingOptions, Corpus]()
    for loaded in models:
        vocabulary = loaded.model.vocabulary
        options = DecodingOptions(encoding, vocabulary.normalize, lowercase=vocabulary.lowercase)
        corpora[options] = corpora.get(options) or load_corpus([name], options, on_message=say)
        encoded = encode_corpus(corpora[options], vocabulary, unknown=unknown)
        if encoded.changes:
            say(changes_line(encoded.changes))
        model, scores = learn_ids(loaded.model, encoded.ids, config, reporter=ShownEvaluation())
        adapted.append(replace(loaded, model=model))
        characters = counted(scores.characters, "character")
        say(f"read and learned {characters} of {name}, predicted at {scores.nats_per_character:.4f} nats each")
    return adapted, LearnedText(name, config, context_after(next(iter(corpora.values())).text))


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
        raise SettingError("`adapt` is for one network", hint="give one `model`, or one member of a run")
    from charlstm.analysis.adaptation import adaptive_network
    from charlstm.analysis.text_learner import TextLearner

    with adaptive_network(models[0].model, config, reporter=ShownEvaluation()) as network:
        learner = TextLearner(network, unknown=unknown)
        for _ in progress_over(learner.learn(text), "learning the text", total=learner.num_segments(text)):
            pass
        yield learner.learned_model
