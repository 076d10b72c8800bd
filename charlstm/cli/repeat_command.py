"""The command that repeats a run."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.options import FIELD_OPTIONS
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import SettingError
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.text.sources import corpus_name
from charlstm.training.presets import PRESET_ONLY, PRESETS

if TYPE_CHECKING:
    from charlstm.text.decoding_options import DecodingOptions
    from charlstm.text.parts import PartsRequest

WITH_FIXED_DEFAULT = (  # the others are always given, because train chooses them or their defaults may change
    "cell",
    "attention",
    "clip_norm",
    "clip_value",
    "weight_decay",
    "calibration",
    "validation",
    "patience",
    "evaluate_every",
)


@dataclass(frozen=True)
class RepeatCommand:
    """A command, and why it may give another model than the run had."""

    arguments: tuple[str, ...]
    caveat: str  # empty: the command gives the same model, byte for byte, on the same machine


def repeat_command(folder: RunFolder, settings: Mapping[str, Any]) -> RepeatCommand | None:
    """Return the command that repeats the run with these settings, those of its config.json, in another folder.

    Returns None for a run of an earlier version, which did not record how it was started, and for damaged settings.
    """
    origin = RunOrigin.from_json(settings.get("origin"))
    if origin is None:
        return None
    from charlstm.text.parts import Parts, PartsRequest

    try:
        model, training = ModelConfig.from_json(settings["model"]), TrainingConfig.from_json(settings["training"])
        texts = _texts(folder, settings["text"]["sources"])
        decoding = _decoding(folder, settings)
        parts = Parts.from_json(settings["text"].get("parts"))
        parts_request = parts.request if parts else PartsRequest()
    except (KeyError, TypeError, AttributeError, SettingError):
        return None
    fields = model.to_json() | training.to_json()
    arguments = train_command(texts, fields, decoding, origin, parts_request)
    caveat = _caveat(training, origin)
    if not caveat and folder.text.exists() and settings["text"].get("name") != corpus_name([folder.text]):
        caveat = f"the same weights: the model calls its text {corpus_name([folder.text])}"
    return RepeatCommand((*arguments, "--output", f"{folder.path}-again"), caveat)


def train_command(
    texts: Sequence[str],
    fields: Mapping[str, Any],
    decoding: "DecodingOptions",
    origin: RunOrigin,
    parts: "PartsRequest",
) -> list[str]:
    """Return the command that trains a run with these fields of its two configs."""
    if parts.has_own_validation:  # then these follow from the parts
        fields = {**fields, "validation": None, "validation_split": None}
    options = [*_setting_options(fields), *_part_options(parts), *_reading_options(decoding, origin)]
    return ["charlstm", "train", *texts, *options]


def _decoding(folder: RunFolder, settings: Mapping[str, Any]) -> "DecodingOptions":
    """Return how the text was read. The saved text is in the normal form already, which the new model needs as well."""
    from charlstm.text.decoding_options import DecodingOptions

    reading = dict(settings["text"]["reading"])
    if folder.text.exists():
        reading["normalize"] = settings["vocabulary"].get("normalize", reading["normalize"])
    return DecodingOptions(**reading)


def _caveat(training: TrainingConfig, origin: RunOrigin) -> str:
    if origin.changed_on_resume:
        return "approximately: the run was changed when it was resumed"
    if training.max_time is not None:
        return "approximately: a run planned by time follows the clock"
    return ""


def _texts(folder: RunFolder, sources: list[str]) -> list[str]:
    """Return the texts of a run as arguments: the text it saved, names of texts that ship, or paths."""
    from charlstm.text.catalogue import find_named_text, relocate_shipped_text

    if folder.text.exists():
        return [str(folder.text.absolute())]
    texts = []
    for source in sources:
        path = Path(relocate_shipped_text(source))
        is_known_by_name = find_named_text(path.name) == path and not Path(path.name).exists()
        texts.append(path.name if is_known_by_name else str(path))
    return texts


def _setting_options(fields: Mapping[str, Any]) -> list[str]:
    """Return options for all settings of a network and its training, and a preset for those that have no option."""
    defaults = {
        field.name: field.default for config in (ModelConfig, TrainingConfig) for field in dataclasses.fields(config)
    }
    presets = [(name, defaults | preset) for name, preset in PRESETS.items()]
    preset, given = next(
        (
            (name, values)
            for name, values in [("", defaults), *presets]
            if all(fields[field] == values[field] for field in PRESET_ONLY)
        ),
        ("", defaults),
    )
    can_be_left_out = {*WITH_FIXED_DEFAULT, *PRESETS.get(preset, {})}
    options = ["--preset", preset] if preset else []
    for field, value in fields.items():
        if field in PRESET_ONLY or value is None or (field in can_be_left_out and value == given[field]):
            continue
        option = FIELD_OPTIONS.get(field, "--" + field.replace("_", "-"))
        options += [option, _as_typed(value)] if not isinstance(value, bool) else [_switch(option, value)]
    return options


def _part_options(parts: "PartsRequest") -> list[str]:
    given = dataclasses.asdict(parts).items()
    return [word for name, value in given if value is not None for word in (f"--{name}", value)]


def _switch(option: str, value: bool) -> str:
    return option if value else option.replace("--", "--no-")


def _as_typed(value: Any) -> str:
    """Return a value as an option takes it: a number without exponent, and without `.0`."""
    return f"{Decimal(repr(value)).normalize():f}" if isinstance(value, int | float) else str(value)


def _reading_options(decoding: "DecodingOptions", origin: RunOrigin) -> list[str]:
    from charlstm.storage.shipped_models import shipped_name

    options = ["--from", shipped_name(origin.start_from) or origin.start_from] if origin.start_from else []
    options += ["--unknown", origin.unknown] if origin.unknown else []
    options += ["--min-count", str(origin.min_count)] if origin.min_count > 1 else []
    options += ["--encoding", decoding.encoding] if decoding.encoding else []
    options += ["--normalize", decoding.normalize] if decoding.normalize != type(decoding).normalize else []
    options += ["--keep-boilerplate"] if decoding.keep_boilerplate else []
    return options + (["--lowercase"] if decoding.lowercase else [])
