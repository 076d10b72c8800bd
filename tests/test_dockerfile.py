"""The Dockerfile builds from files that are there, and does not run as root."""

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEPS = re.findall(r"^([A-Z]+) (.*(?:\\\n.*)*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
IGNORED = (ROOT / ".dockerignore").read_text().split()


def test_files_of_the_build_are_not_ignored():
    copied = [words.split()[0] for step, words in STEPS if step == "COPY" and not words.startswith("--from")]
    assert copied == [".", "constraints.txt"]
    needed = ["charlstm", "core", "data", "docs", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"]
    for name in needed:
        assert (ROOT / name).exists()
        assert not any(fnmatch(name, pattern.rstrip("/")) for pattern in IGNORED)


def test_both_distributions_are_built_and_one_is_installed():
    runs = [words for step, words in STEPS if step == "RUN"]
    assert runs[0].endswith(". ./core")
    assert '"$DISTRIBUTION"' in runs[1]
    assert ("ARG", "DISTRIBUTION=charlstm") in STEPS


def test_it_runs_as_a_user_in_a_volume():
    names = [step for step, _ in STEPS]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert dict(STEPS)["USER"] == "charlstm"
    assert dict(STEPS)["WORKDIR"] == dict(STEPS)["VOLUME"] == "/data"
