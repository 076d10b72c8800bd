"""Generate text: as a whole, or piece by piece."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, Unpack

from charlstm.analysis.adaptation import context_after, learn_ids
from charlstm.analysis.evaluation import encode_corpus
from charlstm.analysis.line_sources import choose_line_filter
from charlstm.api.evaluation_reporter import LoggedEvaluation
from charlstm.api.messages import logger, warn_of_changes
from charlstm.api.model import ModelOrRun, TrainedModel, as_model, loaded
from charlstm.api.settings import (
    AdaptationSettings,
    GenerationSettings,
    adaptation_config,
    check_settings,
    check_type,
)
from charlstm.api.texts import Files, file_names
from charlstm.config import AdaptationConfig, SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.clamps import Clamps
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GenerationJob
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules
from charlstm.text.corpus import load_corpus
from charlstm.text.decoding_options import DecodingOptions


def generate(
    model: ModelOrRun,
    prompt: str | None = None,
    *,
    echo: bool = True,
    unknown: str = "nearest",
    new: bool | None = None,
    unique: bool = False,
    clamp: Mapping[tuple[int, int], float] | None = None,
    adapt: Files | None = None,
    **settings: Unpack[GenerationSettings],
) -> str:
    """Return a text that a model generates: the prompt and its continuation, as `charlstm generate` prints them.

    Without a prompt, the text starts like a line of the training text, or of a list of short lines on a new line; an
    empty prompt always begins a new line. With `echo=False` the prompt is left out. `new` leaves out lines that stand
    in the training text (None: only if that is a list of short lines), `unique` those that have been written before.
    `clamp` fixes outputs of units: `{(2, 117): 1.0}` is unit 117 of layer 2, both counted from 1. `adapt` is the path
    or paths of a text that a copy of the model reads and learns first: the prompt stands on a new line after its end.

    Settings are `length` (characters), `temperature`, `top_k`, `top_p`, `min_p`, `typical`, `repetition_penalty`,
    `repetition_window`, `stop` (a text, or several, to stop before), `include_stop`, `lines`, `paragraphs`,
    `until_sentence`, `until_pause` (the end of a line will do as well), `max_time` (seconds, or "5m") and
    `random_seed`: the same one gives the same text, None another one each time. `adapt_rate`, `adapt_decay` and
    `adapt_length` are those of `adapt`. `unknown` is the policy for characters
    of the prompt that the model does not know: "nearest" takes a similar one, "skip" leaves them out, "error" raises
    VocabularyError.

    Raises SettingError for a setting out of range, RunError or ModelFileError if the model cannot be loaded,
    CorpusError if the text to learn cannot be read, and LibraryError for `adapt` without TensorFlow.
    """
    pieces = stream(
        model, prompt, echo=echo, unknown=unknown, new=new, unique=unique, clamp=clamp, adapt=adapt, **settings
    )
    return "".join(pieces)


def stream(
    model: ModelOrRun,
    prompt: str | None = None,
    *,
    echo: bool = True,
    unknown: str = "nearest",
    new: bool | None = None,
    unique: bool = False,
    clamp: Mapping[tuple[int, int], float] | None = None,
    adapt: Files | None = None,
    **settings: Unpack[GenerationSettings],
) -> Iterator[str]:
    """Yield the text of `generate` in pieces, while it is generated. Errors are raised before the first piece."""
    if prompt is not None:
        check_type("prompt", prompt, str)
    given: dict[str, Any] = dict(settings)
    learning = {name: given.pop(name) for name in AdaptationSettings.__annotations__ if name in given}
    adaptation = adaptation_config(learning, adapt=adapt is not None)
    request = _request(prompt, given)
    trained = as_model(model)
    trained.vocabulary.id_table("", unknown)  # refuses an invalid policy, even without a prompt
    one, context = loaded(trained), ""
    if adapt is not None and adaptation:
        one, context = _adapted(one, adapt, adaptation, unknown=unknown)
    models, temperature = [one], request.config.temperature
    line_filter = choose_line_filter(models, logger.info, new=new, unique=unique, temperature=temperature)
    must_filter = new is True or unique
    job = GenerationJob(
        models,
        [request],
        unknown=unknown,
        context=context,
        line_filter=line_filter,
        must_filter=must_filter,
        clamps=None if clamp is None else _clamps(clamp, trained),
    )
    warn_of_changes(job.changes)
    if job.needs_compiling:
        job.compile()
    return job.stream(echo=echo)


def _adapted(one: LoadedModel, files: Files, config: AdaptationConfig, *, unknown: str) -> tuple[LoadedModel, str]:
    """Return a copy of a model that has learned a text, and what of it is to be read before the prompt."""
    vocabulary = one.model.vocabulary
    options = DecodingOptions(normalize=vocabulary.normalize, lowercase=vocabulary.lowercase)
    corpus = load_corpus(file_names(files, name="adapt"), options, on_message=logger.info)
    encoded = encode_corpus(corpus, vocabulary, unknown=unknown)
    warn_of_changes(encoded.changes)
    model, _ = learn_ids(one.model, encoded.ids, config, reporter=LoggedEvaluation())
    return replace(one, model=model), context_after(corpus.text)


def _clamps(clamp: Mapping[tuple[int, int], float], model: TrainedModel) -> Clamps:
    """Return the clamps of a dict from (layer, unit) to a value."""
    try:
        texts = [f"{layer}:{unit}={float(value)!r}" for (layer, unit), value in clamp.items()]
    except (AttributeError, TypeError, ValueError) as problem:
        raise SettingError(
            f"`clamp` is {clamp!r}, but it must be a dict from (layer, unit) to a number",
            hint="give {(2, 117): 1.0}, for example",
        ) from problem
    return Clamps.parse(texts, model.config)


def _request(prompt: str | None, settings: dict[str, Any]) -> Request:
    """Split the settings into those of sampling and the rules for stopping."""
    checked = check_settings(settings, GenerationSettings)
    checked.setdefault("random_seed", secrets.randbits(32))
    stops = checked.pop("stop", ())
    checked["stops"] = (stops,) if isinstance(stops, str) else tuple(stops)
    if not all(isinstance(stop, str) for stop in checked["stops"]):
        raise SettingError(f"`stop` is {stops!r}, but it must be a text or several", hint="give a list of texts")
    names = {field.name for field in fields(SamplingConfig)}
    config = SamplingConfig(**{name: value for name, value in checked.items() if name in names})
    return Request(prompt, config, StopRules(**{name: value for name, value in checked.items() if name not in names}))
