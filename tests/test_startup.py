"""Start-up: only the commands that need heavy libraries import them."""

import subprocess
import sys
from pathlib import Path

import pytest

import charlstm

PACKAGE = Path(charlstm.__file__).parent


def loaded_by(code: str) -> set[str]:
    check = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


COMMANDS = [[path.stem] for path in (PACKAGE / "cli" / "commands").glob("[!_]*.py")]
COMMANDS += [["corpus", command] for command in ("stats", "list", "fetch")]
COMMANDS += [["runs", command] for command in ("rm", "mv", "best")]


def test_help_imports_neither_numpy_nor_tensorflow():
    """One process shows the help of all commands; what the first of them imports is there for the others too."""
    shown = f"for command in {[[], *COMMANDS]}: assert main([*command, '--help']) == 0"
    loaded = loaded_by(f"from charlstm.cli.app import main\n{shown}")
    assert "typer" in loaded
    assert not loaded & {
        "numpy",
        "tensorflow",
        "keras",
        "safetensors",
        "filelock",
        "requests",
        "prompt_toolkit",
        "pydivsufsort",
        "matplotlib",
        "llvmlite",
        "plotext",
    }


@pytest.mark.parametrize("arguments", [["generate", "--length", "3"], ["evaluate", "text"], ["info"]])
def test_reading_a_model_needs_no_tensorflow(run, arguments):
    Path("text").write_text("some words")
    loaded = loaded_by(f"from charlstm.cli.app import main; assert main({arguments}) == 0; print()")
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "llvmlite"}


def test_listing_runs_needs_no_numpy(run):
    loaded = loaded_by("from charlstm.cli.app import main; assert main(['runs']) == 0; print()")
    assert "typer" in loaded
    assert not loaded & {"numpy", "tensorflow", "safetensors", "plotext", "matplotlib"}
