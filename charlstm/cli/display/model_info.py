"""A model in a few lines, or as JSON."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import loss, standing_alone
from charlstm.cli.display.rows import aligned, command_lines, output_width
from charlstm.cli.repeat_command import RepeatCommand
from charlstm.config import TrainingConfig
from charlstm.errors import SettingError
from charlstm.figures import counted
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.shipped_models import shipped_name

if TYPE_CHECKING:
    from charlstm.config import ModelConfig
    from charlstm.storage.model_file import Model
    from charlstm.storage.tensor_file import Metadata

MAX_SHOWN = 2000  # characters of a vocabulary or a name
NAME_WIDTH = 13  # columns


def model_to_json(
    path: Path, model: "Model", settings: Mapping[str, Any], repeat: RepeatCommand | None, *, bits: int
) -> dict[str, Any]:
    """Return what is known of a model.

    `settings` are those in the config.json of its run, empty if there is none; `bits` is the size of each weight in its
    file.
    """
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "bits": bits,
        "architecture": model.config.to_json(),
        "parameters": model.num_parameters,
        "vocabulary": {
            "size": len(model.vocabulary),
            "characters": model.vocabulary.characters,
            "lowercase": model.vocabulary.lowercase,
            "unknown": model.vocabulary.unknown,
            "normalize": model.vocabulary.normalize,
        },
        "precision": model.precision,
        "training": {key: value for key, value in model.training.items() if key != "line_checksums"},
        "origin": settings.get("origin"),
        "repeat": repeat and {"command": shlex.join(repeat.arguments), "exact": not repeat.caveat},
    }


def describe_model(
    path: Path, model: "Model", settings: Mapping[str, Any], repeat: RepeatCommand | None, *, bits: int
) -> str:
    """Describe a model, one property per row; the last is the command that repeats its run, which can be copied."""
    config, vocabulary, training = model.config, model.vocabulary, model.training
    network = (
        f"{config.cell} {config.num_layers}x{config.units}, {_inputs(config)}, {model.num_parameters:,} parameters"
    )
    if model.precision != "float32":
        network += f", trained in {model.precision}"
    lowercase = ", lower case only" if vocabulary.lowercase else ""
    form = "" if vocabulary.normalize == "nfc" else f", normal form {vocabulary.normalize}"
    alphabet = "".join(map(standing_alone, _shortened(vocabulary.characters.strip())))
    about = model.training.get("about")
    rows = [
        ("model", str(path)),
        *([("about", _shortened(about))] if about else []),
        ("file", f"{path.stat().st_size / 1e6:,.1f} MB, weights of {bits} bits"),
        ("network", network),
        ("vocabulary", f"{len(vocabulary)} characters{lowercase}{form}: {alphabet}"),
    ]
    text = [_shortened(training["text"])] if "text" in training else []
    text += [f"{training['text_characters']:,} characters"] if "text_characters" in training else []
    rows += [("trained on", ", ".join(text))] if text else []
    metrics = _metrics(training)
    rows += [("validation", ", ".join(metrics))] if metrics else []
    scale = training.get("logit_scale", 1.0)
    rows += [("calibration", f"logits times {scale:.3g}, which suits the validation text best")] if scale != 1 else []
    rows += _training_rows(training) + _origin_rows(RunOrigin.from_json(settings.get("origin")))
    description = aligned(rows, name_width=NAME_WIDTH)
    if repeat is None:
        return description
    rows = [("repeat", repeat.caveat)] if repeat.caveat else []
    command = command_lines(repeat.arguments, indent=" " * NAME_WIDTH, width=output_width())
    if not repeat.caveat:
        command = "repeat".ljust(NAME_WIDTH) + command[NAME_WIDTH:]
    return "\n".join([description, *([aligned(rows, name_width=NAME_WIDTH)] if rows else []), command])


def _training_rows(training: "Metadata") -> "list[tuple[str, str]]":
    """Describe how a model was trained, as its file says."""
    try:
        config = TrainingConfig.from_json(dict(training.get("settings", {})))
    except SettingError:  # a file of another version
        return []
    return [
        ("dropout", f"{config.dropout:g}, recurrent {config.recurrent_dropout:g}"),
        *([("teachers", _teachers(config.teachers, training.get("network")))] if config.teachers else []),
        ("random seed", str(config.random_seed)),
    ]


def _teachers(count: int, network: int | None) -> str:
    """Say what a model of a run with teachers is; None: an earlier version wrote its file."""
    if network is not None and network <= count:
        return f"{count}; this is network {network}, one of them, the best one when this file was written"
    return f"{count} networks, whose predictions it learned"


def _origin_rows(origin: RunOrigin | None) -> "list[tuple[str, str]]":
    """Describe when a run was started, with what, and on what."""
    if origin is None:
        return []
    rows = [("started", origin.started.replace("T", " "))]
    rows += [("command", shlex.join(origin.command))] if origin.command else []
    rows += [("from", shipped_name(origin.start_from) or origin.start_from)] if origin.start_from else []
    environment = dict(origin.environment)
    processor, threads = environment.pop("processor", ""), environment.pop("threads", "")
    instruction_set = f", {name}" if (name := environment.pop("instruction_set", "")) else ""
    rows += [("versions", ", ".join(f"{name} {version}" for name, version in environment.items()))]
    return [*rows, ("processor", f"{processor}, {threads} threads{instruction_set}")]


def _metrics(training: "Metadata") -> list[str]:
    """Describe how well a model predicts its validation text, in so far as its file says so."""
    validation, metrics = training.get("validation", {}), []
    if "nats_per_character" in validation:
        metrics.append(f"{loss(validation['nats_per_character'])} per character")
    if "accuracy" in validation:
        metrics.append(f"accuracy {validation['accuracy']:.1%}")
    if metrics and "epoch" in training:
        metrics.append(f"after {counted(training['epoch'], 'epoch', digits=3)}")
    return metrics


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _inputs(config: "ModelConfig") -> str:
    """Describe in a few words how the network reads characters."""
    parts = [f"embedding {config.embedding_dim}" if config.encoding == "embedding" else "characters as integers"]
    parts += [f"attention over {config.attention} outputs"] if config.attention else []
    parts += [f"windows of {config.window} characters"] if config.window else []
    return ", ".join(parts)
