"""The figures of a text, and the list of texts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from charlstm.cli.display.messages import is_visible, standing_alone
from charlstm.cli.display.rows import Value, aligned, output_width, row

if TYPE_CHECKING:
    from charlstm.text.statistics import TextStatistics

LIST_NAME_WIDTH = 24  # columns, with the star
MIN_WIDTH_OF_COLUMNS = 60  # on narrower terminals, titles stand below the names
MAX_CHARACTERS = 100  # of an alphabet that are shown


def describe_text(statistics: "TextStatistics", overlaps: Mapping[str, float], settings: str) -> str:
    """Describe a text, one property per row; of its other parts, how much the training part has as well."""
    from charlstm.analysis.shared_passages import LONG_PASSAGE

    entropies = [f"order {order}: {bits:.3f}" for order, bits in enumerate(statistics.entropies)]
    compressed = [f"{name}: {bits:.3f} bits" for name, bits in statistics.compressed_bits.items()]
    shared = [f"{part} part: {share:.1%}" for part, share in overlaps.items()]
    rows: list[tuple[str, Value]] = [
        ("text", statistics.name),
        ("characters", f"{statistics.num_characters:,}"),
        ("lines", f"{statistics.num_lines:,}"),
        ("alphabet", [f"{len(statistics.counts):,} characters:", *_alphabet(statistics.counts)]),
        ("entropy", ["bits per character", *entropies]),
        ("compressed", compressed),
        *(
            [("overlap", [f"in the training part too, in passages of {LONG_PASSAGE} or more characters", *shared])]
            if shared
            else []
        ),
        ("settings", settings),
    ]
    return aligned(rows, name_width=14)


def describe_text_list(rows: Sequence[Mapping[str, Any]]) -> str:
    """List texts by name, title and usual split, with a star before those that are on this machine."""
    width = output_width()
    lines = []
    for text in rows:
        name = f"{'*' if text['here'] else ' '} {text['name']}"
        title = text["title"] + (f"; usual split {text['split']}" if text["split"] else "")
        if width is None or width >= MIN_WIDTH_OF_COLUMNS:
            lines.append(row(name.ljust(LIST_NAME_WIDTH), title, width=width))
        else:
            lines += [name, row("    ", title, width=width)]
    return "\n".join(lines)


def _alphabet(counts: Mapping[str, int]) -> list[str]:
    names = [standing_alone(character) if is_visible(character) else f"U+{ord(character):04X}" for character in counts]
    shown = [f"{name} {count:,}" for name, count in zip(names, counts.values(), strict=True)][:MAX_CHARACTERS]
    more = len(counts) - len(shown)
    return shown + ([f"and {more:,} more"] if more else [])
