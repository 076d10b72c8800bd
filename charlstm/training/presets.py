"""Named sets of settings, for a user who does not want them chosen."""

from typing import Any

from charlstm.errors import SettingError, did_you_mean

PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "num_layers": 1,
        "units": 256,
        "dropout": 0.1,
        "recurrent_dropout": 0.0,
        "batch_size": 32,
        "learning_rate": 8e-3,
        "teachers": 0,
    },
    "medium": {
        "num_layers": 2,
        "units": 384,
        "dropout": 0.2,
        "recurrent_dropout": 0.15,
        "batch_size": 32,
        "learning_rate": 8e-3,
        "teachers": 0,
    },
    "large": {
        "num_layers": 2,
        "units": 640,
        "dropout": 0.4,
        "recurrent_dropout": 0.35,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "teachers": 0,
    },
    "tutorial": {
        "num_layers": 2,
        "units": 300,
        "embedding_dim": 1,
        "encoding": "integer",
        "window": 50,
        "residual": False,
        "sequence_length": 50,
        "dropout": 0.2,
        "recurrent_dropout": 0.0,
        "batch_size": 30,
        "learning_rate": 1e-3,
        "teachers": 0,
        "clip_norm": 0.0,
        "schedule": "constant",
        "calibration": False,
    },
}
PRESET_ONLY = ("residual", "window", "encoding", "schedule")  # settings that have no option of their own
TUTORIAL = "tutorial"  # reproduces a well-known tutorial, which reads its text in lower case


def preset_settings(name: str | None) -> dict[str, Any]:
    """Return the settings of a preset, or none without a name. Raises SettingError for an unknown name."""
    if name is None:
        return {}
    if name not in PRESETS:
        raise SettingError(
            f"there is no preset {name!r}",
            hint=did_you_mean(name, PRESETS, otherwise=f"presets are: {', '.join(PRESETS)}"),
        )
    return dict(PRESETS[name])
