"""What every log records: which run it is, its hyper-parameters, and the figures of each evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

from charlstm.analysis.evaluation import nats_to_bits
from charlstm.storage.run_folder import RunFolder
from charlstm.training.history import Evaluation

PROJECT = "charlstm"  # which trackers sort runs by
FIGURES = (
    "epoch",
    "seconds",
    "network",
    "train_nats",
    "train_bits",
    "validation_nats",
    "validation_bits",
    "validation_accuracy",
    "learning_rate",
    "gradient_norm",
    "logit_scale",
    "characters_per_second",
)


class Log(Protocol):
    """Records evaluations somewhere. Its methods may raise anything; training goes on."""

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Record those of all evaluations so far that are not recorded yet."""
        ...

    def close(self, *, finished: bool) -> None:
        """End writing in this process; the run has finished, or was interrupted."""
        ...


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """One run as logs know it."""

    folder: RunFolder
    store: Path  # the folder for files of trackers, which the runs of an experiment share
    run_id: str  # the same after a resume
    started: str  # ISO 8601
    hyper_parameters: dict[str, Any]  # numbers, strings and truth values

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], folder: RunFolder, *, store: Path | None) -> Self:
        """Return the run with these settings, those of its config.json; trackers use a folder of its own without one.

        A run of an earlier version has no id, and the name of its folder stands for it.
        """
        text, origin = settings["text"], settings.get("origin", {})
        values = settings["model"] | settings["training"] | {"text": text["name"], "text_sha256": text["sha256"]}
        return cls(
            folder=folder,
            store=store or folder.logs,
            run_id=origin.get("run_id") or folder.path.absolute().name,
            started=origin.get("started", ""),
            hyper_parameters={name: value for name, value in values.items() if value is not None},
        )

    @property
    def name(self) -> str:
        return self.folder.path.absolute().name

    @property
    def group(self) -> str | None:
        """The name of the experiment that the run belongs to."""
        return None if self.store == self.folder.logs else self.store.parent.absolute().name

    def timestamp(self, seconds: float) -> float:
        """Return the Unix time after these seconds of training, as if it had never been interrupted.

        An evaluation has the same one whenever it is written. A run of an earlier version begins in 1970.
        """
        try:
            return datetime.fromisoformat(self.started).timestamp() + seconds
        except (ValueError, OverflowError, OSError):
            return seconds


def figures(evaluation: Evaluation) -> dict[str, float]:
    """Return what is known of FIGURES: losses are per character, means are over the steps since the last evaluation."""
    validation = evaluation.validation
    values = {
        "epoch": round(evaluation.epoch, 4),
        "seconds": round(evaluation.seconds, 3),
        "network": evaluation.network,
        "train_nats": evaluation.train_nats,
        "train_bits": nats_to_bits(evaluation.train_nats),
        "validation_nats": validation.nats_per_character,
        "validation_bits": validation.bits_per_character,
        "validation_accuracy": validation.accuracy,
        "learning_rate": evaluation.learning_rate,
        "gradient_norm": evaluation.gradient_norm,
        "logit_scale": evaluation.logit_scale,
        "characters_per_second": round(evaluation.characters_per_second, 1),
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def markdown_code(sample: str) -> str:
    """Return a sample as Markdown that shows it character by character; half of a surrogate pair becomes `?`."""
    lines = sample.encode("utf-8", "replace").decode().split("\n")
    return "\n".join(f"    {line}" for line in lines)
