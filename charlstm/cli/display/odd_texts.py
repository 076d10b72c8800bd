"""Files or lines with their bits, the oddest first: a table, JSON, or comma-separated values."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.columns import Column, table
from charlstm.cli.display.messages import visible
from charlstm.cli.display.rows import output_width

if TYPE_CHECKING:
    from charlstm.analysis.odd_texts import PassageScores

MISSING = "-"  # stands for figures of a passage of which no character could be scored


def describe_passages(scored: "Sequence[PassageScores]", names: Sequence[str]) -> str:
    """Return a table of passages in the order given; `names` are those of the models.

    Of several models it has the bits of the whole passages, whose differences are the ratios.
    """
    columns, has_several = [], len(names) > 1
    if has_several:
        columns += [
            Column("wrote it", [visible(_author(one, names) or MISSING) for one in scored], is_number=False),
            Column("ratio", [f"{one.log_likelihood_ratio:.1f}" for one in scored]),
        ]
    for index, name in enumerate(names):
        title = f"bits of {visible(name)}" if has_several else "bits"
        columns.append(Column(title, [_figure(one, f"{one.bits[index]:.1f}") for one in scored]))
    if not has_several:
        bits = [(one.bits_per_character or [0.0])[0] for one in scored]
        figures = [_figure(one, f"{one_bits:.4f}") for one, one_bits in zip(scored, bits, strict=True)]
        columns.append(Column("per character", figures))
    columns.append(Column("characters", [f"{one.num_characters:,}" for one in scored]))
    if any(one.num_left_out for one in scored):
        columns.append(Column("skipped", [f"{one.num_left_out:,}" for one in scored]))
    columns.append(Column("place", [visible(_place(one)) for one in scored], is_number=False))
    has_lines = any(one.passage.line is not None for one in scored)
    if has_lines:
        columns.append(Column("text", [visible(one.passage.text) for one in scored], is_number=False))
    return "\n".join(table(columns, width=output_width(), cuts_last=True))


def passages_to_json(scored: "Sequence[PassageScores]", names: Sequence[str]) -> dict[str, Any]:
    """Return everything that is known of the passages."""
    return {"passages": [_to_json(one, names) for one in scored]}


def _to_json(one: "PassageScores", names: Sequence[str]) -> dict[str, Any]:
    passage = one.passage
    values: dict[str, Any] = {"file": passage.file}
    values |= {} if passage.line is None else {"line": passage.line, "text": passage.text}
    values |= {"characters": one.num_characters, "left_out": one.num_left_out}
    per_character: Sequence[float | None] = one.bits_per_character or [None] * len(names)
    if len(names) == 1:
        return values | {"bits": one.bits[0], "bits_per_character": per_character[0]}
    return values | {
        "bits": dict(zip(names, one.bits, strict=True)),
        "bits_per_character": dict(zip(names, per_character, strict=True)),
        "wrote": _author(one, names),
        "log_likelihood_ratio": one.log_likelihood_ratio,
    }


def passages_to_csv(scored: "Sequence[PassageScores]", names: Sequence[str]) -> str:
    """Return a heading and a row for each passage."""
    rows = [_to_row(one, names) for one in scored]
    content = io.StringIO()
    writer = csv.DictWriter(content, list(rows[0]) if rows else ["file"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return content.getvalue()


def _to_row(one: "PassageScores", names: Sequence[str]) -> dict[str, Any]:
    """Return the values of JSON, with those of each model in a column of their own and the text at the end."""
    row: dict[str, Any] = {}
    for key, value in _to_json(one, names).items():
        row |= {f"{key} {name}": figure for name, figure in value.items()} if isinstance(value, dict) else {key: value}
    return row | ({"text": row.pop("text")} if "text" in row else {})


def _figure(one: "PassageScores", figure: str) -> str:
    return figure if one.num_characters else MISSING


def _author(one: "PassageScores", names: Sequence[str]) -> str | None:
    return None if one.likeliest is None else names[one.likeliest]


def _place(one: "PassageScores") -> str:
    return one.passage.file if one.passage.line is None else f"{one.passage.file}:{one.passage.line}"
