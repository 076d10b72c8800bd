"""A model in a few lines, or as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import loss
from charlstm.cli.display.rows import aligned

if TYPE_CHECKING:
    from charlstm.config import ModelConfig
    from charlstm.storage.model_file import Model


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
            "normalize": model.vocabulary.normalize,
        },
        "precision": model.precision,
        "training": model.training,
    }


def describe_model(path: Path, model: "Model") -> str:
    """Describe a model, one property per row."""
    config, vocabulary, training = model.config, model.vocabulary, model.training
    network = (
        f"{config.cell} {config.num_layers}x{config.units}, {_inputs(config)}, {model.num_parameters:,} parameters"
    )
    if model.precision != "float32":
        network += f", trained in {model.precision}"
    lowercase = ", lower case only" if vocabulary.lowercase else ""
    form = "" if vocabulary.normalize == "nfc" else f", normal form {vocabulary.normalize}"
    rows = [
        ("model", str(path)),
        ("network", network),
        ("vocabulary", f"{len(vocabulary)} characters{lowercase}{form}: {vocabulary.characters.strip()}"),
    ]
    if "text" in training:
        rows.append(("trained on", f"{training['text']}, {training['text_characters']:,} characters"))
    if "validation" in training:
        validation = training["validation"]
        rows.append(
            (
                "validation",
                f"{loss(validation['nats_per_character'])} per character, "
                f"accuracy {validation['accuracy']:.1%}, after {training['epoch']:.1f} epochs",
            )
        )
    return aligned(rows, name_width=12)


def _inputs(config: "ModelConfig") -> str:
    """Describe in a few words how the network reads characters."""
    parts = [f"embedding {config.embedding_dim}" if config.encoding == "embedding" else "characters as integers"]
    parts += [f"attention over {config.attention} outputs"] if config.attention else []
    parts += [f"windows of {config.window} characters"] if config.window else []
    return ", ".join(parts)
