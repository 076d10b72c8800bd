"""The reach of one prediction: the text before it with the strength of each character, and the strongest ones."""

import textwrap
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from charlstm.cli.display.messages import standing_alone, visible
from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.analysis.reach import Reach
    from charlstm.arrays import Ids
    from charlstm.storage.model_file import Model

NUM_STRONGEST = 8  # characters that are listed
BAR_WIDTH = 20  # columns
# of 256 colours, from no strength to the whole: one hue that becomes darker, with text that stays legible on it
SHADES = ("", "black on color(230)", "black on color(222)", "black on color(214)", "white on color(166)",
          "white on color(88)")  # fmt: skip


def reach_view(model: "Model", ids: "Ids", place: int, *, width: int, target: int | None = None) -> Text:
    """Return what a terminal shows of the prediction of the character at `place`; plain without its styles.

    `target` is the id of the character whose ln p is differentiated, by default the likeliest one. The text is
    followed by digits, 9 for the strongest character. Raises SettingError as `measure_reach` does.
    """
    reach = _measure(model, ids, place, target)
    characters = [model.vocabulary.characters[index] for index in ids[max(0, place - reach.norms.shape[1]) : place]]
    strengths = _strengths(reach, len(characters))
    lines = [Text(line) for line in textwrap.wrap(_heading(model, ids, reach), width, break_on_hyphens=False)]
    return Text("\n").join(
        [*lines, Text(), *_strips(characters, strengths, width), Text(), *_strongest(characters, reach)]
    )


def reach_to_json(model: "Model", ids: "Ids", place: int, *, target: int | None = None) -> dict[str, Any]:
    """Return the reach of one prediction; the first norm is that of the character just before it."""
    reach, characters = _measure(model, ids, place, target), model.vocabulary.characters
    num_back = min(place, reach.norms.shape[1])
    return {
        "at": place,
        "character": characters[reach.targets[0]],
        "log_probability": float(reach.log_probabilities[0]),
        "before": "".join(characters[index] for index in ids[place - num_back : place]),
        "norms": reach.norms[0, :num_back].tolist(),
    }


def _measure(model: "Model", ids: "Ids", place: int, target: int | None) -> "Reach":
    import numpy as np

    from charlstm.analysis.reach import measure_reach

    targets = None if target is None else np.array([target])
    return measure_reach(model, ids, first=place, last=place, targets=targets)


def _heading(model: "Model", ids: "Ids", reach: "Reach") -> str:
    """Say what is predicted, and how far back half of its reach is."""
    import math

    place, characters = int(reach.places[0]), model.vocabulary.characters
    probability = math.exp(reach.log_probabilities[0])
    there = f", the text has '{_shown(characters[ids[place]])}'" if place < len(ids) else ""
    back = int(reach.half_distances[0])
    if not reach.shares[0][: min(place, reach.norms.shape[1])].any():
        moved = "no character before it moves it"
    else:
        moved = f"half of its reach: {counted(back, 'character')}"
    return f"at {place}: '{_shown(characters[reach.targets[0]])}' with p = {probability:.3f}{there}; {moved}"


def _strengths(reach: "Reach", count: int) -> list[float]:
    """Return the norms of the last characters as shares of the largest, the oldest character first."""
    norms = reach.norms[0, :count][::-1]
    return [float(norm) for norm in norms / (norms.max() or 1.0)]


def _strips(characters: list[str], strengths: list[float], width: int) -> list[Text]:
    """Return the text in its shades with digits below it, in as many rows as it needs."""
    rows, text, digits = list[Text](), Text(), ""
    for character, strength in zip(characters, strengths, strict=True):
        shown = _shown(character)
        if text.cell_len + cell_len(shown) > width:
            rows += [text, Text(digits)]
            text, digits = Text(), ""
        text.append(shown, SHADES[min(len(SHADES) - 1, int(strength * len(SHADES)))])
        digits += str(min(9, int(strength * 10))).ljust(cell_len(shown))
    return [*rows, text, Text(digits)]


def _strongest(characters: list[str], reach: "Reach") -> list[Text]:
    """Return the characters that move the prediction most, with norms, shares and bars."""
    norms, shares = reach.norms[0, : len(characters)], reach.shares[0, : len(characters)]
    lines = [Text("back  character      norm  share")]
    for index in sorted(norms.argsort()[::-1][:NUM_STRONGEST].tolist()):
        shown = f"'{_shown(characters[-1 - index])}'"
        bar = "#" * round(BAR_WIDTH * float(shares[index] / (shares.max() or 1.0)))
        padding = " " * max(0, 9 - cell_len(shown))
        lines.append(
            Text(f"{index + 1:>4}  {shown}{padding}  {norms[index]:>8.1e}  {shares[index]:>5.0%}  {bar}".rstrip())
        )
    return lines


def _shown(character: str) -> str:
    return visible(standing_alone(character))
