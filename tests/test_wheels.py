"""The two wheels: charlstm, and charlstm-core, which writes without what only training needs."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from charlstm.storage.model_file import save_model

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]
HEAVY = {"keras", "llvmlite", "matplotlib", "tensorflow"}
MAX_BYTES = 200_000_000


def build(project, folder):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return build(ROOT / "core", tmp_path_factory.mktemp("core"))


@pytest.fixture(scope="module")
def light(tmp_path_factory, core):
    """Return an environment that has charlstm-core, and of the other packages none that are heavy."""
    folder = tmp_path_factory.mktemp("site-packages")
    core.extractall(folder)
    for entry in Path(str(distribution("numpy").locate_file(""))).iterdir():
        name = re.split(r"[.-]", entry.name)[0].lower()
        if name not in {*HEAVY, "charlstm", "__editable__"} and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return os.environ | {"PYTHONPATH": str(folder), "MPLCONFIGDIR": str(folder)}


@pytest.fixture
def in_light(light, run, model):
    """Run a command of the installed wheel in a folder with a run: returns its exit code, stdout and stderr."""
    save_model(run / "model.safetensors", model)

    def command(*arguments):
        line = [sys.executable, "-S", "-m", "charlstm", *map(str, arguments)]  # -S: nothing else is found
        result = subprocess.run(line, env=light, cwd=run.parents[1], capture_output=True, text=True, timeout=120)
        return result.returncode, result.stdout, result.stderr

    return command


def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    lines = wheel.read(name).decode().partition("\n\n")[0].splitlines()
    return [tuple(line.split(": ", 1)) for line in lines if ": " in line]


def requirements(wheel):
    return [Requirement(value) for key, value in metadata(wheel) if key == "Requires-Dist"]


def test_both_wheels_hold_the_same_files(core, tmp_path):
    whole = build(ROOT, tmp_path)

    def files(wheel):
        names = (re.sub(r"^charlstm(_core)?-[^/]*\.(dist-info|data)/", "", name) for name in wheel.namelist())
        return {name for name in names if "__pycache__" not in name}

    assert files(core) == files(whole)
    assert {r.name for r in requirements(whole) if not r.marker} - HEAVY == {
        r.name for r in requirements(core) if not r.marker
    }


def test_what_is_left_out_is_an_extra(core):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {r.name for r in requirements(core) if r.marker and r.marker.evaluate({"extra": "train"})}
    assert extra == HEAVY
    assert dict(metadata(core))["Name"] == "charlstm-core"
    assert all(dict(metadata(core))[key] for key in ("Version", "Summary", "License-Expression", "Requires-Python"))
    assert (
        project["scripts"]["charlstm"]
        in core.read(next(name for name in core.namelist() if name.endswith("entry_points.txt"))).decode()
    )


def test_what_it_installs_is_small(core):
    """The sizes are those of the packages in this environment."""
    waiting = [r.name for r in requirements(core) if not r.marker]
    sizes = {"charlstm-core": sum(file.file_size for file in core.infolist())}
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in sizes:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            pytest.fail(f"{name} is required but not installed: run make")
        paths = [Path(str(file.locate())) for file in installed.files or []]
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())
        parsed = map(Requirement, installed.requires or [])
        waiting += [r.name for r in parsed if r.marker is None or r.marker.evaluate({"extra": ""})]
    assert not HEAVY & sizes.keys()
    assert sum(sizes.values()) < MAX_BYTES, sizes


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "tiny", "--length", "5000", "--random-seed", "1"),
        ("generate", "tiny", "-n", "3", "--length", "300"),
        ("evaluate", "tiny", "text.txt"),
        ("inspect", "tiny", "text.txt"),
        ("export", "tiny", "--to", "page.html"),
        ("write", "--help"),
        ("info", "tiny"),
        ("runs",),
        ("corpus", "list"),
    ],
)
def test_writing_part_works_alone(in_light, tmp_path, arguments):
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 200)
    code, out, err = in_light(*arguments)
    assert code == 0, err
    assert out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("train", "text.txt"), "llvmlite"),
        (("gradients", "text.txt", "--length", "5"), "TensorFlow"),
        (("evaluate", "tiny", "text.txt", "--adapt"), "TensorFlow"),
        (("generate", "tiny", "--adapt", "text.txt"), "TensorFlow"),
    ],
)
def test_training_says_what_is_missing_and_how_to_get_it(in_light, tmp_path, arguments, missing):
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 200)
    code, _, err = in_light(*arguments)
    assert code == 1
    assert f"error: {missing} cannot be imported" in err
    assert "pip install 'charlstm-core[train]'" in err
