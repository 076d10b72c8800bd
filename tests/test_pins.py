"""The exact versions in constraints.txt cover everything that charlstm installs."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if not line.startswith("#")]
    assert all(matches), "every line of constraints.txt must be NAME==VERSION"
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def required(lines, extras=frozenset()):
    """Yield the requirements, among these lines, that this environment has to meet."""
    for requirement in map(Requirement, lines):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ["", *extras]):
            yield requirement


def required_distributions():
    """The names of all distributions that charlstm and its development tools require, directly or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = list(required(project["dependencies"] + project["optional-dependencies"]["dev"]))
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            waiting += required(requires(name) or [], extras)
        except PackageNotFoundError:
            raise AssertionError(f"{name} is required but not installed: run make") from None
    return {name for name, _ in seen}


def test_everything_that_is_installed_with_charlstm_is_pinned():
    assert required_distributions() - pins().keys() == set()


def test_pins_satisfy_the_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = pins()
    for requirement in map(Requirement, project["dependencies"] + project["optional-dependencies"]["dev"]):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement
