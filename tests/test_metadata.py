"""What the package says of itself, in pyproject.toml, CITATION.cff and the README."""

import re
import tomllib

from charlstm import __version__
from tests.printed_commands import DOCUMENTATION

SETTINGS = tomllib.loads((DOCUMENTATION / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]


def test_citation_has_the_version_of_the_package():
    citation = (DOCUMENTATION / "CITATION.cff").read_text()
    fields = dict(re.findall(r"^(\w+): (.*)$", citation, re.MULTILINE))
    assert fields["version"] == __version__
    assert fields["license"] == PROJECT["license"]


def test_readme_names_the_python_versions_of_the_package():
    versions = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if ":: 3." in name]
    first, last = versions[0], versions[-1]
    assert PROJECT["requires-python"] == f">={first},<3.{int(last[2:]) + 1}"
    readme = (DOCUMENTATION / "README.md").read_text()
    assert f"Python {', '.join(versions[:-1])} or {last}" in readme


def test_manual_pages_are_installed_where_man_looks_for_them():
    installed = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    (source,) = (source for source, target in installed.items() if target == "share/man")
    assert (DOCUMENTATION / source / "man1" / "charlstm-train.1").exists()
