"""The settings of a run in words."""

from charlstm.config import ModelConfig
from charlstm.durations import format_duration
from charlstm.figures import counted, plain
from charlstm.training.auto_config import AutoConfigInputs, Settings

CHOSEN = (  # settings that `describe_choice` names
    "epochs",
    "units",
    "dropout",
    "recurrent_dropout",
    "batch_size",
    "learning_rate",
    "teachers",
    "precision",
    "num_shards",
)

DESCRIBED = (  # settings in the line of `describe_settings`
    "teachers",
    "num_layers",
    "units",
    "dropout",
    "recurrent_dropout",
    "batch_size",
    "sequence_length",
    "learning_rate",
    "epochs",
    "max_time",
)


def describe_settings(settings: Settings, overrides: Settings, inputs: AutoConfigInputs) -> str:
    """Return one line with the settings: which are fixed, by the user or a model, and what the rest is chosen for.

    It does not say how many epochs were expected of the time: a run measures how long an epoch takes, and says that.
    """
    epochs, max_time = settings["epochs"], settings["max_time"]
    lengths = [counted(epochs, "epoch") if epochs else "", format_duration(max_time) if max_time else ""]
    teachers = f", {settings['teachers']} teachers" if settings["teachers"] else ""
    cell = settings.get("cell", ModelConfig.cell)
    line = "" if cell == ModelConfig.cell else f"{cell} "
    line += (
        f"{settings['num_layers']}x{settings['units']} units, dropout {settings['dropout']:g} and recurrent "
        f"{settings['recurrent_dropout']:g}, batches of {settings['batch_size']}x{settings['sequence_length']}, "
        f"learning rate {plain(settings['learning_rate'])}{teachers}, {' or '.join(filter(None, lengths))}"
    )
    all_are_fixed = overrides.keys() >= {"units", "dropout", "recurrent_dropout", "batch_size", "learning_rate"}
    if all_are_fixed and ("teachers" in overrides or not settings["teachers"]):
        return line
    given = ", ".join(f"`{name}`" for name in DESCRIBED if overrides.get(name) is not None)
    line += f"; {given} fixed, the rest chosen" if given else ": chosen"
    line += f" for {inputs.num_characters:,} characters"
    by_speed = inputs.throughput and (max_time or epochs != overrides.get("epochs"))
    return line + (" and the best speed of this machine" if by_speed else "")


def describe_choice(settings: Settings, fixed: Settings) -> str:
    """Return the chosen settings as they are given to choose them again; nothing if all of them are fixed."""
    chosen = {name: settings[name] for name in CHOSEN if name not in fixed and settings[name] is not None}
    if settings["epochs"] is not None and not settings["teachers"]:  # with a number of epochs there are none by default
        chosen.pop("teachers", None)
    if not chosen:
        return ""
    values = {name: f"{value:g}" if isinstance(value, float) else value for name, value in chosen.items()}
    return "the same choice again: " + " ".join(f"`{name}` {value}" for name, value in values.items())
