"""A model in a few lines, or as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import loss, visible
from charlstm.cli.display.rows import aligned

if TYPE_CHECKING:
    from charlstm.config import ModelConfig
    from charlstm.storage.model_file import Model
    from charlstm.storage.tensor_file import Metadata

MAX_SHOWN = 2000  # characters of a vocabulary or a name


def model_to_json(path: Path, model: "Model") -> dict[str, Any]:
    return {
        "path": str(path),
        "architecture": model.config.to_json(),
        "parameters": model.num_parameters,
        "vocabulary": {
            "size": len(model.vocabulary),
            "characters": model.vocabulary.characters,
            "lowercase": model.vocabulary.lowercase,
            "unknown": model.vocabulary.unknown,
        },
        "training": model.training,
    }


def describe_model(path: Path, model: "Model") -> str:
    """Describe a model, one property per row."""
    config, vocabulary, training = model.config, model.vocabulary, model.training
    network = (
        f"{config.cell} {config.num_layers}x{config.units}, {_inputs(config)}, {model.num_parameters:,} parameters"
    )
    lowercase = ", lower case only" if vocabulary.lowercase else ""
    rows = [
        ("model", visible(str(path))),
        ("network", visible(network)),
        ("vocabulary", f"{len(vocabulary)} characters{lowercase}: {_one_line(vocabulary.characters.strip())}"),
    ]
    text = [_one_line(training["text"])] if "text" in training else []
    text += [f"{training['text_characters']:,} characters"] if "text_characters" in training else []
    rows += [("trained on", ", ".join(text))] if text else []
    metrics = _metrics(training)
    rows += [("validation", ", ".join(metrics))] if metrics else []
    return aligned(rows, name_width=12)


def _metrics(training: "Metadata") -> list[str]:
    """Describe how well a model predicts its validation text, in so far as its file says so."""
    validation, metrics = training.get("validation", {}), []
    if "nats_per_character" in validation:
        metrics.append(f"{loss(validation['nats_per_character'])} per character")
    if "accuracy" in validation:
        metrics.append(f"accuracy {validation['accuracy']:.1%}")
    if metrics and "epoch" in training:
        metrics.append(f"after {training['epoch']:.1f} epochs")
    return metrics


def _one_line(text: str) -> str:
    """Return a text as one line of bounded length that cannot drive the terminal."""
    line = visible(text[:MAX_SHOWN])
    return line if len(text) <= MAX_SHOWN else f"{line}..."


def _inputs(config: "ModelConfig") -> str:
    """Describe in a few words how the network reads characters."""
    parts = [f"embedding {config.embedding_dim}" if config.encoding == "embedding" else "characters as integers"]
    parts += [f"attention over {config.attention} outputs"] if config.attention else []
    parts += [f"windows of {config.window} characters"] if config.window else []
    return ", ".join(parts)
