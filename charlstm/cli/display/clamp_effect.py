"""What fixing units changed in a text, in a few lines."""

from typing import TYPE_CHECKING

from charlstm.cli.display.messages import say, standing_alone, visible
from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.analysis.intervention import ClampEffect
    from charlstm.generation.clamps import Clamps
    from charlstm.generation.jobs import GenerationJob
    from charlstm.storage.model_file import Model

MAX_COMPARED = 10  # texts


def report_effect(job: "GenerationJob", model: "Model", clamps: "Clamps") -> None:
    """Say how the first texts of a job differ from those without clamps; nothing if its requests come in a stream."""
    from charlstm.analysis.intervention import measure_effect

    if requests := job.first_requests(MAX_COMPARED):
        for line in effect_lines(clamps, measure_effect(model, requests, clamps)):
            say(line)


def effect_lines(clamps: "Clamps", effect: "ClampEffect") -> list[str]:
    """Return figures of the texts with clamps, and of those of the same random seeds without."""
    one, other = effect.with_clamps, effect.without
    title = f"clamped {clamps}"
    if not effect.changed and effect.num_same == one.characters == other.characters:
        return [f"{title}: it changed nothing in {counted(one.characters, 'character')}"]
    rows = [
        ("characters", f"{one.characters:,}", f"{other.characters:,}", ""),
        ("words", f"{one.words:.1f}", f"{other.words:.1f}", "per 100 characters"),
        ("line ends", f"{one.line_ends:.1f}", f"{other.line_ends:.1f}", "per 100 characters"),
        ("surprise", f"{one.bits:.2f}", f"{other.bits:.2f}", "bits per character, to the model without clamps"),
    ]
    lines = [f"{title}: another text than without, from character {effect.num_same + 1:,} on"]
    lines += [f"{'':<12}{'clamped':>9}{'free':>9}"]
    lines += [f"{name:<12}{with_clamps:>9}{free:>9}  {unit}".rstrip() for name, with_clamps, free, unit in rows]
    changed = [
        f"'{visible(standing_alone(character))}' {share:.1%} ({free:.1%})" for character, share, free in effect.changed
    ]
    return [*lines, f"most changed characters, clamped (free): {', '.join(changed)}"] if changed else lines
