"""One HTML file that shows what happens inside a network, and runs it: no network connection, no library.

The file is put together from the template in the folder of shipped files: a style, some JavaScript, the functions of
the layers' cells (`charlstm.export.javascript`), and the weights (`charlstm.export.packed_weights`).
"""

import html
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.atomic_files import write_atomically
from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import layer_shapes, state_sizes
from charlstm.cells.stack import has_residual
from charlstm.cells.weights import effective_weights
from charlstm.errors import SettingError, shown
from charlstm.export.check import check_predictions, check_rounding, read_in_float32
from charlstm.export.formats import DEFAULT_FONT_SIZE, MAX_FONT_SIZE, MIN_FONT_SIZE
from charlstm.export.javascript import layer_function
from charlstm.export.packed_weights import PackedWeights, pack_weights, round_weights, unpack_weights
from charlstm.generation.numpy_ops import round_to_bfloat16
from charlstm.storage.model_file import Model
from charlstm.text.catalogue import shipped_folder
from charlstm.text.line_starts import hide_whole_lines
from charlstm.text.vocabulary import LOOKALIKES

MAX_CHARACTERS = 20_000  # of the text; a browser keeps every number of every unit at each of them
MAX_WEIGHT_CHARACTERS = 2_865_000  # of the packed weights, so that the page stays below 3 MB if seven bits allow it
WINDOW_HINT = "export a network that was trained without `preset` tutorial"
# In the order in which they run; only the first two need no document
SCRIPTS = ("inflate", "network", "reader", "colours", "text", "panels", "app", "controls")
_SLOT = re.compile(r"<!--\[(\w+)\]-->")
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Look:
    """What a page shows when it is opened; what is None is left to the page."""

    view: Literal["surprise", "unit", "reach"] | None = None
    layer: int | None = None  # from 0
    unit: int | None = None  # from 0
    quantity: Literal["output", "cell_state"] | None = None
    strips: Literal["unit", "layer"] | None = None  # whether the strips show the unit, or the means of the layer
    place: int | None = None  # the character that is looked at, from 0

    def to_json(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if value is not None}


def write_page(
    model: Model,
    path: Path,
    *,
    ids: Ids | None = None,
    font_size: int = DEFAULT_FONT_SIZE,
    title: str = "",
    look: Look | None = None,
) -> None:
    """Write the page of a model to a file, see `make_page`. Raises RunError if the file cannot be written."""
    page = make_page(model, ids=ids, font_size=font_size, title=title, look=look)
    write_atomically(path, page.encode(), follow_links=True)


def make_page(
    model: Model,
    *,
    ids: Ids | None = None,
    font_size: int = DEFAULT_FONT_SIZE,
    title: str = "",
    look: Look | None = None,
) -> str:
    """Return the page of a model. It opens with the text of `ids` (characters,).

    Without, it opens with a line start, to be continued. `font_size` is that of the text, in pixels. Raises
    SettingError for a network that reads windows of characters, a text that is too long, or a size out of range, and
    ExportError if the packed weights would not predict what the model does.
    """
    _check(model, ids, font_size)
    weights = page_weights(model)
    packed = pack_weights(weights, max_characters=MAX_WEIGHT_CHARACTERS)
    _check_packed(model, weights, packed)
    text = "" if ids is None else model.vocabulary.decode(ids)
    description = _describe(model, title) | {
        "text": text,
        "weights": packed.layout,
        "fontSize": font_size,
        "look": (look or Look()).to_json(),
    }
    cell = get_cell(model.config.cell)
    functions = [layer_function(cell, name, is_first=name == "firstLayer") for name in ("firstLayer", "upperLayer")]
    folder = shipped_folder() / "page"
    slots = {name: (folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS} | {
        "style": (folder / "style.css").read_text(encoding="utf-8"),
        "title": html.escape("".join(c if c.isprintable() else "\ufffd" for c in title) or "charlstm"),
        "size": str(font_size),
        "description": to_script_json(description),
        "weights": packed.text,
        "layers": "\n".join(functions),
    }
    template = (folder / "page.html").read_text(encoding="utf-8")
    return _SLOT.sub(lambda slot: slots[slot[1]], template)  # once: what is filled in is not searched again


def to_script_json(value: object) -> str:
    """Return JSON that can stand in a script element: nothing in it ends the element or a line of JavaScript.

    >>> to_script_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    return re.sub("[<>&\u2028\u2029]", lambda match: _ESCAPES[match[0]], json.dumps(value, ensure_ascii=True))


def page_weights(model: Model) -> dict[str, FloatArray]:
    """Return all weights by name, those of the layers as their equations need them.

    Of a network trained in bfloat16 they are rounded as its matrix products round them, except those that only make
    the table of the first layer's projections.
    """
    config, cell, rounds = model.config, get_cell(model.config.cell), model.precision == "bfloat16"
    weights = {"embedding": model.weights["embedding"]}
    for layer in range(config.num_layers):
        named = {name: model.weights[f"layers.{layer}.{name}"] for name in layer_shapes(config, layer)}
        for name, weight in effective_weights(cell, config.units, named).items():
            makes_table = layer == 0 and name == "kernel" and cell.input_projection_is_precomputable
            is_rounded = rounds and weight.ndim == 2 and not makes_table
            weights[f"layers.{layer}.{name}"] = round_to_bfloat16(weight) if is_rounded else weight
    weights |= {name: weight for name, weight in model.weights.items() if name.startswith("attention.")}
    kernel = model.weights["output.kernel"]
    weights["output.kernel"] = round_to_bfloat16(kernel) if rounds else kernel
    return weights | {"output.bias": model.weights["output.bias"]}


def _check_packed(model: Model, weights: dict[str, FloatArray], packed: PackedWeights) -> None:
    """Raise ExportError unless the page reads the weights, as rounded as they may be, and predicts what they predict.

    The NumPy stepper stands in for the page's JavaScript, which tests compare with it.
    """
    read = unpack_weights(packed.text, packed.layout)
    bits = {one["name"]: one["format"] for one in packed.layout if isinstance(one["format"], int)}
    check_rounding(weights, read, bits, what="the page")
    rounded = replace(model, weights=round_weights(weights, packed.layout))
    check_predictions(rounded, lambda ids: read_in_float32(replace(model, weights=read), ids), what="the page")


def _describe(model: Model, title: str) -> dict[str, object]:
    """Return what the page knows about the network beside its weights."""
    config, cell, vocabulary = model.config, get_cell(model.config.cell), model.vocabulary
    return {
        "title": title,
        "cell": config.cell,
        "numLayers": config.num_layers,
        "units": config.units,
        "inputs": config.embedding_dim,
        "attention": config.attention,
        "residual": has_residual(config),
        "hasTable": cell.input_projection_is_precomputable,
        "hasCellState": cell.has_cell_state,
        "isRecurrent": cell.is_recurrent,
        "precision": model.precision,
        "stateWidths": [_state_widths(model, layer) for layer in range(config.num_layers)],
        "characters": vocabulary.characters,
        "lowercase": vocabulary.lowercase,
        "unknown": vocabulary.unknown,
        "normalize": vocabulary.normalize,
        "lookalikes": LOOKALIKES,
        "lineStarts": hide_whole_lines(list(model.training.get("openings", []))),
    }


def _state_widths(model: Model, layer: int) -> list[int]:
    """Return the width of each state; each character that a window keeps is a state of its own."""
    sizes, inputs = state_sizes(model.config, layer), model.config.embedding_dim
    if get_cell(model.config.cell).is_recurrent:
        return list(sizes)
    return [inputs] * (sum(sizes) // inputs)


def _check(model: Model, ids: Ids | None, font_size: int) -> None:
    if model.config.window:
        raise SettingError("a network that reads windows of characters keeps no state to show", hint=WINDOW_HINT)
    if not MIN_FONT_SIZE <= font_size <= MAX_FONT_SIZE:
        raise SettingError(
            f"`font_size` is {shown(font_size)}, but it must be from {MIN_FONT_SIZE} to {MAX_FONT_SIZE} pixels",
            hint=f"try `font_size` {DEFAULT_FONT_SIZE}, or 28 for a lecture hall",
        )
    if ids is not None and len(np.asarray(ids)) > MAX_CHARACTERS:
        raise SettingError(
            f"a page shows at most {MAX_CHARACTERS:,} characters, not {len(ids):,}", hint="take a part of the text"
        )
