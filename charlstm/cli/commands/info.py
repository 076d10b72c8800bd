"""`charlstm info`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import loss, visible
from charlstm.cli.options import Json, Run

if TYPE_CHECKING:
    from charlstm.config import ModelConfig
    from charlstm.storage.model_file import Model


def info(run: Run = None, as_json: Json = False) -> None:
    """Show what a model is: its architecture, its vocabulary, what it was trained on, how good it is.

    \b
    charlstm info
    charlstm info runs/macbeth --json
    """
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model

    path = find_model(run)
    model = load_model(path)
    if as_json:
        print(json.dumps(_facts(path, model), indent=2))
        return
    for name, value in _lines(path, model):
        print(f"{name:<12}{visible(value)}")


def _facts(path: Path, model: "Model") -> dict[str, Any]:
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


def _reading(config: "ModelConfig") -> str:
    """How it reads characters, in a few words."""
    parts = [f"embedding {config.embedding_dim}" if config.encoding == "embedding" else "characters as integers"]
    parts += [f"attention over {config.attention}"] if config.attention else []
    parts += [f"windows of {config.window}"] if config.window else []
    return "".join(f"{part}, " for part in parts)


def _lines(path: Path, model: "Model") -> list[tuple[str, str]]:
    config, vocabulary, training = model.config, model.vocabulary, model.training
    lower = ", text in lower case" if vocabulary.lowercase else ""
    lines = [
        ("model", str(path)),
        (
            "network",
            f"{config.cell} {config.num_layers}x{config.units}, {_reading(config)}{model.num_parameters:,} parameters",
        ),
        ("vocabulary", f"{len(vocabulary)} characters{lower}: {vocabulary.characters.strip()}"),
    ]
    if "text" in training:
        lines.append(("trained on", f"{training['text']}, {training['text_characters']:,} characters"))
    if "validation" in training:
        validation = training["validation"]
        lines.append(
            (
                "validation",
                f"{loss(validation['nats_per_character'])} per character, "
                f"accuracy {validation['accuracy']:.1%}, after {training['epoch']:.1f} epochs",
            )
        )
    return lines
