"""README.md: its commands work as printed, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.printed_commands import DOCUMENTATION, indented_blocks, put_short_macbeth, run_printed

README = DOCUMENTATION / "README.md"
NAMES = [
    f"{start}{middle}{end}"
    for start in ("An", "Bel", "Cor", "Dan")
    for middle in ("ab", "er", "i", "ol", "um")
    for end in ("a", "el", "ina", "o")
]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with the user's files that the commands of the README name."""
    monkeypatch.chdir(tmp_path)
    put_short_macbeth(tmp_path)
    Path("names.txt").write_text("\n".join(NAMES) + "\n")
    Path("lyrics").mkdir()
    for number in range(3):
        Path(f"lyrics/song {number}.txt").write_text(f"Tonight we sing, tonight we play\nsong number {number}\n" * 30)
    for play in ("hamlet", "sonnets"):
        Path(f"{play}.txt").write_text("To be, or not to be, that is the question\nof all the days\n" * 30)


@pytest.mark.tensorflow
@pytest.mark.usefixtures("files")
def test_every_command_works_as_printed(charlstm):
    blocks = indented_blocks(README)
    assert len(blocks) >= 9
    assert all(len(block) <= 3 for block in blocks)
    outputs = {line: run_printed(line, charlstm).stdout for block in blocks for line in block}
    written = next(text for line, text in outputs.items() if "-n 50" in line).splitlines()
    assert len(written) == len(set(written)) == 50
    assert not set(written) & set(NAMES)
    assert Path("curves.svg").read_text().startswith("<?xml")
    assert "bits per character" in next(text for line, text in outputs.items() if "evaluate" in line)


@pytest.mark.parametrize("page", [README, *sorted(DOCUMENTATION.glob("docs/**/*.md"))], ids=lambda page: page.name)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing
