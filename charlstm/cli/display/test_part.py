"""The result of an experiment on the test part of its text."""

from typing import TYPE_CHECKING

from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.experiments.final_test import FinalTest


def test_lines(test: "FinalTest | None") -> list[str]:
    """Return the result of the best run on the test part, if there is one, as a line."""
    if test is None:
        return []
    skipped = f", {counted(test.num_skipped, 'character')} left out that it does not know" if test.num_skipped else ""
    return [f"test part, {test.run}: {test.scores.bits_per_character:.4f} bits per character{skipped}"]
