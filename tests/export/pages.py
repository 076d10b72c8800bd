"""What tests of the page share: its parts, and its JavaScript run by Node."""

import json
import re
import shutil
import subprocess

import pytest

from charlstm.export.page import make_page

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node to run JavaScript")
DRIVER = """
const [description, weights, ids, clamps] = JSON.parse(require("fs").readFileSync(0, "utf8"));
loadNetwork(description, weights).then((network) => {
  let states = network.initialStates();
  const result = ids.map((id) => {
    const step = network.step(id, states, clamps);
    states = step.states;
    const layers = step.layers.map(({ output, cell, activations }) => ({
      output: [...output],
      cell: cell && [...cell],
      activations: Object.fromEntries(Object.entries(activations).map(([name, array]) => [name, [...array]])),
    }));
    const attention = step.attention && [...step.attention];
    return { probabilities: [...softmax(network.logits(step.hidden))], layers, attention };
  });
  console.log(JSON.stringify(result));
});
"""


def script(page: str, name: str) -> str:
    """The content of a script element."""
    (content,) = re.findall(rf'<script id="{name}"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    return str(content)


def run_node(code: str, value: object) -> object:
    """The JSON that JavaScript prints when it is given a value as JSON."""
    result = subprocess.run(
        [str(shutil.which("node")), "-e", code],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def read_in_javascript(model, ids, *, clamps=()):
    """What the page's network gives at each character."""
    page = make_page(model)
    description = json.loads(script(page, "description"))
    values = [description, script(page, "weights"), [int(i) for i in ids], list(clamps)]
    return run_node(script(page, "network-code") + DRIVER, values)
