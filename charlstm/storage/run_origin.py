"""How a run was started: what its settings do not say, and what is needed to repeat it."""

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from charlstm.machine import environment


@dataclass(frozen=True, kw_only=True)
class RunOrigin:
    """The beginning of a run. It is kept in config.json and in checkpoints, but never in the model file.

    A model file holds no dates, so that repeating a run gives the same bytes.
    """

    started: str  # ISO 8601, local time with its offset from UTC
    command: tuple[str, ...] = ()  # as it was typed, split by the shell; empty: not started from the command line
    start_from: str | None = None  # the model file whose weights the run started from
    start_from_sha256: str | None = None
    unknown: str | None = None  # policy for characters that the model of `start_from` does not know; None: learn them
    min_count: int = 1  # rarer characters share one id
    changed_on_resume: bool = False  # the plan or the text; the settings alone then do not repeat the run
    environment: Mapping[str, str] = field(default_factory=dict)  # processor, threads, instruction set, versions
    run_id: str = ""  # 12 hexadecimal digits, by which trackers know the run; empty: of an earlier version
    logs: tuple[str, ...] = ()  # names of the logs that it writes, also when it is resumed

    @classmethod
    def now(cls, *, command: Sequence[str] = (), **settings: Any) -> Self:
        """Return the origin of a run that starts now, on this machine."""
        return cls(
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
            command=tuple(command),
            environment=training_environment(),
            run_id=secrets.token_hex(6),
            **settings,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """Read what `to_json` returned; None for a run of an earlier version, and for anything else."""
        if not isinstance(values, dict):
            return None
        known = {name: value for name, value in values.items() if isinstance(value, _TYPES.get(name, ()))}
        if not isinstance(known.get("started"), str):
            return None
        known |= {name: tuple(map(str, known.get(name, ()))) for name in ("command", "logs")}
        known["environment"] = {str(name): str(value) for name, value in known.get("environment", {}).items()}
        return cls(**known)

    def changed(self) -> Self:
        """Return the origin of a run whose plan or text was changed when it was resumed."""
        return dataclasses.replace(self, changed_on_resume=True)


def training_environment() -> dict[str, str]:
    """Return the machine, the libraries and the instruction set: they affect the last bits of the results."""
    from charlstm.kernels import chosen_instruction_set

    return environment() | {"instruction_set": chosen_instruction_set().name}


_TYPES: dict[str, Any] = {
    "started": str,
    "command": list | tuple,
    "start_from": str | None,
    "start_from_sha256": str | None,
    "unknown": str | None,
    "min_count": int,
    "changed_on_resume": bool,
    "environment": dict,
    "run_id": str,
    "logs": list | tuple,
}
