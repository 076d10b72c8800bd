"""The settings of a run that a command was given, by the fields that its options set."""

from collections.abc import Mapping
from typing import Any

from charlstm.cli.validation_options import validation_share

SETTING_PARAMETERS = {  # parameters of a command, and the fields that they set
    "cell": "cell",
    "layers": "num_layers",
    "units": "units",
    "embedding": "embedding_dim",
    "attention": "attention",
    "dropout": "dropout",
    "recurrent_dropout": "recurrent_dropout",
    "sequence_length": "sequence_length",
    "batch_size": "batch_size",
    "epochs": "epochs",
    "max_time": "max_time",
    "learning_rate": "learning_rate",
    "clip_norm": "clip_norm",
    "clip_value": "clip_value",
    "weight_decay": "weight_decay",
    "teachers": "teachers",
    "calibration": "calibration",
    "validation": "validation",
    "validation_split": "validation_split",
    "split_seed": "split_seed",
    "patience": "patience",
    "evaluate_every": "evaluate_every",
    "random_seed": "random_seed",
    "precision": "precision",
    "shards": "num_shards",
}


def given_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a command was given, by their fields; `parameters` are those of its context."""
    given = {field: parameters.get(name) for name, field in SETTING_PARAMETERS.items()}
    given["precision"] = None if given["precision"] == "auto" else given["precision"]
    given["validation"] = validation_share(given["validation"])
    return {field: value for field, value in given.items() if value is not None}


def setting_names() -> dict[str, str]:
    """Return the names of settings as options without their dashes, and their fields: `layers`, `learning-rate`."""
    return {name.replace("_", "-"): field for name, field in SETTING_PARAMETERS.items()}
