"""One way of data: a room imports only from the rooms it is allowed to."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import charlstm

PACKAGE = Path(charlstm.__file__).parent
ROOMS = {
    "__init__": "",
    "__main__": "cli",
    "errors": "",
    "config": "errors",
    "sources": "errors",
    "decoding": "charset_normalizer sources errors",
    "catalogue": "pooch requests errors",
    "corpus": "numpy catalogue decoding files machine sources vocabulary errors",
    "statistics": "numpy vocabulary",
    "vocabulary": "numpy errors",
    "batching": "numpy vocabulary errors",
    "cells": "",
    "kinds": "cells errors",
    "architecture": "config kinds",
    "operations": "tensorflow",
    "loops": "numpy tensorflow architecture kinds operations",
    "buffers": "numpy",
    "compiling": "numba llvmlite",
    "panels": "numba numpy buffers compiling",
    "tiles": "numba llvmlite compiling panels",
    "kernels": "numpy compiling panels tiles",
    "outer": "llvmlite numba numpy buffers compiling panels tiles",
    "passes": "numpy compiling kernels outer panels",
    "layers": "keras tensorflow panels passes",
    "recurrent": "keras numpy tensorflow architecture config kinds layers",
    "model": "keras tensorflow architecture kinds layers loops recurrent config modelfile",
    "machine": "files errors",
    "planning": "architecture config errors",
    "speed": "numpy config learner machine planning",
    "files": "errors",
    "lock": "filelock files errors",
    "interruption": "",
    "runfolder": "files errors",
    "tensorfile": "safetensors numpy errors",
    "modelfile": "numpy vocabulary architecture kinds tensorfile files config errors",
    "checkpoint": "tensorfile files runfolder errors",
    "history": "evaluation",
    "keeper": "checkpoint files history interruption modelfile runfolder errors",
    "finetuning": "modelfile vocabulary",
    "schedule": "config",
    "learner": "keras tensorflow numpy model evaluation config",
    "training": (
        "numpy batching checkpoint config corpus decoding errors evaluation files finetuning generation history "
        "interruption keeper learner machine modelfile openings runfolder schedule stepper vocabulary"
    ),
    "network": "numpy compiling kernels panels tiles",
    "compiledstepper": "numpy compiling machine network panels vocabulary",
    "stepper": "numpy architecture cells compiledstepper compiling kinds modelfile vocabulary",
    "sampling": "numpy config",
    "stopping": "errors",
    "generation": "numpy sampling stopping vocabulary config",
    "beam": "numpy generation sampling stopping",
    "blending": "numpy modelfile sampling stepper vocabulary",
    "openings": "numpy vocabulary",
    "novelty": "numpy pydivsufsort tensorfile files vocabulary errors",
    "comparing": "architecture config errors evaluation history",
    "gradients": "numpy tensorflow architecture kinds operations config loops modelfile vocabulary",
    "session": "numpy config generation sampling",
    "evaluation": "numpy",
}


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module != "charlstm" else {f"charlstm.{a.name}" for a in node.names}
    rooms = {name.removeprefix("charlstm.").split(".")[0] for name in names}
    return {room for room in rooms if room not in sys.stdlib_module_names}


def test_every_file_has_a_room():
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room):
    assert imports(PACKAGE / f"{room}.py") <= set(ROOMS[room].split())


def test_only_the_console_knows_rich():
    rich = {path.name for path in PACKAGE.rglob("*.py") if "rich" in imports(path)}
    assert rich == {"console.py"}


def loaded_by(code: str) -> set[str]:
    check = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


NO_COMMANDS = {
    "__init__",
    "app",
    "comparison",
    "console",
    "desk",
    "launch",
    "newrun",
    "options",
    "plots",
    "requests",
    "settings",
    "voices",
    "writing",
}
COMMANDS = [path.stem for path in (PACKAGE / "cli").glob("*.py") if path.stem not in NO_COMMANDS]


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_imports_neither_numpy_nor_tensorflow(arguments):
    loaded = loaded_by(f"from charlstm.cli.app import main; main({arguments})")
    assert "typer" in loaded
    assert not loaded & {
        "numpy",
        "tensorflow",
        "keras",
        "safetensors",
        "filelock",
        "pooch",
        "requests",
        "prompt_toolkit",
        "pydivsufsort",
        "matplotlib",
        "numba",
        "plotext",
    }


@pytest.mark.parametrize("arguments", [["generate", "--length", "3"], ["evaluate", "text"], ["info"]])
def test_reading_a_model_needs_no_tensorflow(run, arguments):
    Path("text").write_text("some words")
    loaded = loaded_by(f"from charlstm.cli.app import main; assert main({arguments}) == 0; print()")
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras", "numba"}
