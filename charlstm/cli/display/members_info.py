"""A run with members in a few lines, or as JSON."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import command_line, loss
from charlstm.cli.display.rows import aligned
from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.storage.ensemble import EnsembleRecord
    from charlstm.storage.run_folder import RunFolder

NAME_WIDTH = 13  # columns


def members_to_json(run: "RunFolder", record: "EnsembleRecord") -> dict[str, Any]:
    """Return what is known of a run with members; losses are in nats per character of the validation text."""
    return {"path": str(run.path), "members": [str(member.path) for member in run.members]} | asdict(record)


def describe_members(run: "RunFolder", record: "EnsembleRecord") -> str:
    """Describe a run with members, one per row, and their average."""
    rows = [("model", f"{run.path}, {counted(record.num_members, 'member')} whose predictions are averaged")]
    if record.member_nats is not None and record.average_nats is not None:
        losses = {run.member(index).path.name: nats for index, nats in enumerate(record.member_nats)}
        losses["average"] = record.average_nats
        rows += [(name, f"{loss(nats)} per character of the validation text") for name, nats in losses.items()]
    if record.logit_scale != 1:
        rows.append(("calibration", f"all logits times {record.logit_scale:.3g}, which suits the average best"))
    return aligned([*rows, ("see", command_line("info", run.member(0).path))], name_width=NAME_WIDTH)
