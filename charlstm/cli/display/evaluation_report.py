"""The figures of an evaluation: rows, and tables of what they are made of."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from charlstm.cli.display.columns import Column, table
from charlstm.cli.display.messages import visible
from charlstm.cli.display.rows import aligned, output_width
from charlstm.figures import counted, plain
from charlstm.storage.find_runs import model_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from charlstm.analysis.adaptation import AdaptedScores
    from charlstm.analysis.against import PairedScores
    from charlstm.analysis.baselines import Baseline
    from charlstm.analysis.bootstrap import Interval
    from charlstm.analysis.breakdown import LineScores
    from charlstm.analysis.evaluation import Scores
    from charlstm.analysis.full_evaluation import FullEvaluation
    from charlstm.analysis.report import EvaluationReport
    from charlstm.text.corpus_encoding import EncodedCorpus

NAME_WIDTH = 20
MIN_CHARACTERS = 100  # of a text whose tenths are shown
DIFFERENCE = "The difference is in nats per character; above 0 the evaluated model predicts the text better."


def describe_evaluation(evaluation: "FullEvaluation", encoded: "EncodedCorpus") -> str:
    """Return the figures of the model, and a table of each thing that was asked for beside them."""
    adapted = [] if evaluation.adapted is None else _adapted_rows(evaluation.adapted)
    parts = [_describe_report(evaluation.report, encoded, adapted)]
    parts += [_describe_members(evaluation)] if evaluation.members else []
    parts += [_describe_baselines(evaluation.baselines)] if evaluation.baselines is not None else []
    parts += [_describe_paired(evaluation.paired)] if evaluation.paired is not None else []
    parts += [_describe_lines(evaluation.lines)] if evaluation.lines is not None else []
    return "\n\n".join(parts)


def _describe_report(report: "EvaluationReport", encoded: "EncodedCorpus", adapted: Sequence[tuple[str, str]]) -> str:
    """Return the figures of the whole text, one in a row, and tables by kind of character and by position."""
    tenths = report.by_position if len(report.losses) >= MIN_CHARACTERS else []
    positions = {f"{10 * index}% to {10 * index + 10}%": scores for index, scores in enumerate(tenths)}
    parts = [aligned([*_rows(report, encoded), *adapted], name_width=NAME_WIDTH)]
    parts += ["\n".join(_scores_table("characters of a kind", report.by_kind, report.scores))]
    parts += ["\n".join(_scores_table("part of the text", positions, report.scores))] if positions else []
    return "\n\n".join(parts)


def _rows(report: "EvaluationReport", encoded: "EncodedCorpus") -> list[tuple[str, str]]:
    from charlstm.analysis.evaluation import nats_to_bits
    from charlstm.analysis.scoring import COLD_WINDOW

    scores, cold, interval = report.scores, report.cold, report.interval
    low, high = nats_to_bits(interval.low), nats_to_bits(interval.high)
    rows = [
        ("nats per character", f"{scores.nats_per_character:.4f}  95% interval {_bounds(interval)}"),
        ("bits per character", f"{scores.bits_per_character:.4f}  95% interval {low:.4f} to {high:.4f}"),
        ("perplexity", f"{scores.perplexity:.3f}"),
        ("accuracy", f"{scores.accuracy:.2%}"),
        ("characters", f"{scores.characters:,}"),
        (
            f"cold windows of {COLD_WINDOW}",
            f"{cold.nats_per_character:.4f} nats, {cold.bits_per_character:.4f} bits per character",
        ),
        ("bits per byte", f"{report.bits_per_byte:.4f}  of {report.num_bytes:,} bytes in UTF-8"),
    ]
    if report.word_perplexity is not None:
        rows.append(("word perplexity", f"{report.word_perplexity:,.1f}  of {report.num_words:,} words"))
    rows.append(
        ("interval by", f"{interval.num_resamples:,} resamples of blocks of {interval.block_length:,} characters")
    )
    if encoded.changes:
        rows += [
            ("skipped", f"{encoded.num_skipped:,} that the model does not know"),
            ("replaced", f"{encoded.num_replaced:,} that the model does not know"),
        ]
    return rows


def _adapted_rows(adapted: "AdaptedScores") -> list[tuple[str, str]]:
    """Return the figures of a copy that has learned the text while it read it, and how."""
    scores, config = adapted.scores, adapted.config
    figures = f"{scores.nats_per_character:.4f} nats, {scores.bits_per_character:.4f} bits"
    every = counted(config.adapt_length, "character")
    return [
        ("adapted", f"{figures}, perplexity {scores.perplexity:.3f}, accuracy {scores.accuracy:.2%}"),
        ("adapting", f"every {every}, rate {plain(config.adapt_rate)}, decay {plain(config.adapt_decay)}"),
    ]


def _bounds(interval: "Interval") -> str:
    return f"{interval.low:.4f} to {interval.high:.4f}"


def _scores_table(title: str, scores: "Mapping[str, Scores]", whole: "Scores") -> list[str]:
    """Return a table of parts of a text that together are the whole."""
    parts = list(scores.values())
    columns = [
        Column(title, list(scores), is_number=False),
        Column("characters", [f"{one.characters:,}" for one in parts]),
        Column("nats", [f"{one.nats_per_character:.4f}" for one in parts]),
        Column("bits", [f"{one.bits_per_character:.4f}" for one in parts]),
        Column("accuracy", [f"{one.accuracy:.2%}" for one in parts]),
        Column("of all bits", [f"{one.nats / whole.nats if whole.nats else 0:.1%}" for one in parts]),
    ]
    return table(columns, width=output_width())


def _describe_lines(lines: "Sequence[LineScores]") -> str:
    """Return a table of the lines of a text, in their order."""
    columns = [
        Column("line", [f"{line.number}" for line in lines]),
        Column("characters", [f"{line.scores.characters:,}" for line in lines]),
        Column("bits", [f"{line.bits:.1f}" for line in lines]),
        Column("per character", [f"{line.scores.bits_per_character:.4f}" for line in lines]),
        Column("text", [visible(line.text) for line in lines], is_number=False),
    ]
    return "\n".join(table(columns, width=output_width(), cuts_last=True))


def _describe_members(evaluation: "FullEvaluation") -> str:
    """Return a table of the models whose average was scored, each alone."""
    from charlstm.analysis.averaging import mean_nats
    from charlstm.analysis.evaluation import nats_to_bits

    members = evaluation.members
    names = [*(visible(model_name(one.path)) for one in members), "mean of these", "their average"]
    average, mean = evaluation.report.scores.nats_per_character, mean_nats(members)
    nats = [*(one.scores.nats_per_character for one in members), mean, average]
    columns = [
        Column("one network", names, is_number=False),
        Column("nats", [f"{one:.4f}" for one in nats]),
        Column("bits", [f"{nats_to_bits(one):.4f}" for one in nats]),
        Column("difference", [f"{one - average:+.4f}" if one != average else "" for one in nats]),
    ]
    return "\n".join(table(columns, width=output_width()))


def _describe_baselines(baselines: "Sequence[Baseline]") -> str:
    """Return a table of models without a network."""
    columns = [
        Column("without a network", [baseline.name for baseline in baselines], is_number=False),
        Column("knows", [baseline.knows for baseline in baselines], is_number=False),
        Column("nats", [f"{baseline.nats_per_character:.4f}" for baseline in baselines]),
        Column("bits", [f"{baseline.bits_per_character:.4f}" for baseline in baselines]),
        *_difference_columns([(baseline.difference, baseline.interval) for baseline in baselines]),
    ]
    lines = [*table(columns, width=output_width()), *_wrapped(DIFFERENCE)]
    return "\n".join(
        lines + _wrapped("PPMd and xz learn while they read the text; the network and the n-grams do not.")
    )


def _describe_paired(paired: "Sequence[PairedScores]") -> str:
    """Return a table of other models on the same text."""
    columns = [
        Column("model", [visible(model_name(one.path)) for one in paired], is_number=False),
        Column("nats", [f"{one.scores.nats_per_character:.4f}" for one in paired]),
        Column("bits", [f"{one.scores.bits_per_character:.4f}" for one in paired]),
        Column("characters", [f"{one.scores.characters:,}" for one in paired]),
        *_difference_columns([(one.difference, one.interval) for one in paired]),
    ]
    lines = [*table(columns, width=output_width()), *_wrapped(DIFFERENCE)]
    for one in paired:
        if one.num_left_out:
            name, number = visible(model_name(one.path)), f"{one.num_left_out:,}"
            note = f"{name} does not know {number} characters of the text, which count for neither: of the others"
            lines += _wrapped(f"{note} the evaluated model has {one.own.nats_per_character:.4f} nats.")
    return "\n".join(lines)


def _difference_columns(differences: "Sequence[tuple[float, Interval | None]]") -> list[Column]:
    """Return the columns of differences in nats per character; above 0 the first model is better."""
    return [
        Column("difference", [f"{difference:+.4f}" for difference, _ in differences]),
        Column(
            "95% interval",
            [f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "" for _, interval in differences],
        ),
    ]


def _wrapped(note: str) -> list[str]:
    width = output_width()
    return textwrap.wrap(note, width, break_on_hyphens=False) if width else [note]
