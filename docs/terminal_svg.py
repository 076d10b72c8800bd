"""Turn a captured terminal screen into an SVG: `tmux capture-pane -e -p | python docs/terminal_svg.py > FILE.svg`.

Train in a tmux window of 96 columns, and capture it from another terminal while the run is going.
"""

import io
import sys

from rich.console import Console
from rich.text import Text

# Rich's own template loads a font from the web; any monospaced font will do.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px Consolas, Menlo, "DejaVu Sans Mono", monospace; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#292929"/>
<circle cx="26" cy="22" r="7" fill="#ff5f57"/>
<circle cx="48" cy="22" r="7" fill="#febc2e"/>
<circle cx="70" cy="22" r="7" fill="#28c840"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def terminal_svg(screen: str) -> str:
    """Return an SVG of a screen, given as text with ANSI colours."""
    lines = [Text.from_ansi(line) for line in screen.rstrip().splitlines()]
    width = max(line.cell_len for line in lines)
    console = Console(record=True, width=width, file=io.StringIO())
    for line in lines:
        console.print(line, soft_wrap=True)
    return console.export_svg(code_format=SVG, unique_id="terminal")


if __name__ == "__main__":
    sys.stdout.write(terminal_svg(sys.stdin.read()))
