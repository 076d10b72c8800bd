"""The examples of docs/python.md and the example notebook."""

import ast
import json
import logging
import re
from pathlib import Path

import pytest

import charlstm

DOCS = Path(__file__).parents[2] / "docs"
MAX_NOTEBOOK_BYTES = 200_000


@pytest.mark.tensorflow
def test_the_examples_run_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger("charlstm"), "level", logging.WARNING)
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "python.md").read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) > 5
    names: dict[str, object] = {"__name__": "examples"}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102 (our own examples)
    printed = capsys.readouterr().out
    assert printed.startswith("runs/macbeth\n")
    assert "`temperature` is -1.0, but it must be at least 0 and at most 1,000" in printed


def test_the_notebook_uses_public_names_and_holds_its_results():
    path = DOCS / "charlstm.ipynb"
    assert path.stat().st_size < MAX_NOTEBOOK_BYTES
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["language"]) == (4, "python")
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    used = set()
    for cell in cells:
        tree = ast.parse("".join(cell["source"]))
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_charlstm(node.value)}
        outputs = cell["outputs"]
        assert cell["execution_count"], "executed"
        assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs)
    assert {"train", "generate", "evaluate"} <= used <= {*charlstm.__all__, "__version__"}
    pictures = [output for cell in cells for output in cell["outputs"] if "image/png" in output.get("data", {})]
    assert len(pictures) >= 2


def is_charlstm(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "charlstm"
