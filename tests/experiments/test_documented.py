"""The examples in docs/experiments.md work: the space, the job of an array, the Makefile."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from charlstm.cli.given_settings import setting_names
from charlstm.experiments.search_space import read_space

ROOT = Path(__file__).parents[2]
PRINTED = "macbeth.txt --trials 50 --max-time 2m"
SMALL = "macbeth.txt --trials 2 --units 8 --layers 1 --batch-size 8 --sequence-length 16 --epochs 0.2"


def printed(language):
    """Return the example in a language, with a program of this environment and short trials."""
    page = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    (example,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert language == "toml" or PRINTED in example
    example = example.replace(PRINTED, SMALL)
    return re.sub(r"(?<![\w/-])charlstm(?= sweep)", f"{shlex.quote(sys.executable)} -m charlstm", example)


def run(*command, folder, **variables):
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = os.environ | {"PYTHONPATH": path} | variables
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "macbeth.txt").write_text((ROOT / "data" / "macbeth.txt").read_text()[:8000])
    return tmp_path


def test_the_space(tmp_path):
    (tmp_path / "sweep.toml").write_text(printed("toml"))
    fields = [dimension.field for dimension in read_space(tmp_path / "sweep.toml", setting_names())]
    assert fields == ["units", "num_layers", "dropout", "learning_rate", "cell"]


@pytest.mark.tensorflow
def test_the_job_of_an_array(folder):
    (folder / "sweep.sh").write_text(printed("bash"))
    out = run("bash", "sweep.sh", folder=folder, SLURM_ARRAY_TASK_ID="3")
    assert out.startswith("job 3\n")
    assert out.splitlines()[-1].startswith("charlstm train macbeth.txt ")


@pytest.mark.tensorflow
def test_the_makefile(folder):
    (folder / "Makefile").write_text(printed("make"))
    out = run("make", "-j2", "sweep", folder=folder)
    assert "2 trials" in out
    assert all((folder / f"sweep-{number}.json").stat().st_size > 100 for number in (1, 2))
