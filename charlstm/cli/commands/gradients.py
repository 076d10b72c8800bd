"""`charlstm gradients`."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cells.registry import LayerSize, get_cell
from charlstm.cli.display import plots
from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import console, say, terminal_width
from charlstm.cli.options import Json, is_given, option
from charlstm.config import ModelConfig
from charlstm.errors import CorpusError, SettingError

if TYPE_CHECKING:
    from charlstm.analysis.gradient_flow import GradientNorms
    from charlstm.storage.model_file import Model
    from charlstm.text.corpus import Corpus

UNTRAINED, UNTRAINED_INPUT = ("cells", "layers", "units", "random_seed"), 0.1
SHOWN = (1, 10, 50, 100, 200, 300)  # characters back, in the table
STREAMS = 16
DEFAULT_TEXT = "macbeth.txt"


def gradients(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help=f"Default: {DEFAULT_TEXT}.", show_default=False)
    ] = None,
    cells: Annotated[
        str, typer.Option("--cells", metavar="CELLS", help="Untrained networks of these cells.")
    ] = "rnn,gru,lstm",
    model: Annotated[
        list[str] | None, option("--model", metavar="RUN", help="Instead, a trained network; more than once: several.")
    ] = None,
    recurrent_scale: Annotated[
        str, typer.Option("--recurrent-scale", metavar="X,...", help="Multiply the recurrent weights by each of these.")
    ] = "1",
    forget_bias: Annotated[
        float | None,
        option(
            "--forget-bias", metavar="X", help="Of the gates that remember; 5 or more opens them. Default: as made."
        ),
    ] = None,
    input_scale: Annotated[
        float | None,
        option(
            "--input-scale",
            metavar="X",
            min=0,
            help="Multiply what is read; strong inputs saturate units and hide what the recurrent weights do. Default: "
            "0.1 for untrained networks, 1 for trained ones.",
        ),
    ] = None,
    length: Annotated[int, typer.Option("--length", metavar="N", min=1, max=5000, help="Characters to go back.")] = 100,
    layers: Annotated[int, typer.Option("--layers", metavar="N", help="Of the untrained networks.")] = 1,
    units: Annotated[int, typer.Option("--units", metavar="N", help="Of the untrained networks.")] = 128,
    clip_norm: Annotated[
        float, typer.Option("--clip-norm", metavar="NORM", min=0, help="Scale the gradient down to this at every step.")
    ] = 0.0,
    plot: Annotated[
        Path | None, option("--plot", metavar="FILE", help="Draw it, too: a .png, .svg or .pdf file.")
    ] = None,
    random_seed: Annotated[int, typer.Option("--random-seed", metavar="N", min=0, help="Of the initial weights.")] = 0,
    as_json: Json = False,
) -> None:
    """Show how gradients vanish and explode.

    The norm of the gradient of the loss at one character with respect to the hidden state, and the cell state, so many
    characters earlier: the median over 16 places of the text. Scaled recurrent weights make it vanish or explode.

    \b
    charlstm gradients
    charlstm gradients --cells rnn,lstm --recurrent-scale 0.5,1,1.5 --plot gradients.png
    charlstm gradients --model macbeth --length 300
    """
    if model:
        _refuse_settings_of_untrained(context)
    scales = _numbers(recurrent_scale)
    config = ModelConfig(num_layers=layers, units=units)
    names = _with_states(cells)
    plots.refuse_unknown_kind(plot)
    from charlstm.text.corpus import load_corpus

    trained = _trained(model or [])
    source = text or DEFAULT_TEXT
    corpus = load_corpus([source], on_message=say)
    strength = input_scale if input_scale is not None else 1.0 if trained else UNTRAINED_INPUT
    found = {}
    with starting_tensorflow(quiet=as_json):
        from charlstm.analysis.gradient_flow import GradientProbe

        for name, network in (trained or _untrained(names, config, corpus, random_seed)).items():
            if forget_bias is not None and get_cell(network.config.cell).forget_gate is None:
                say(f"{name} has no gate that remembers: --forget-bias changes nothing in it")
            ids = _streams(_ids_for(network, source, corpus), length)
            for scale in scales:
                probe = GradientProbe(
                    network.config,
                    network.weights,
                    recurrent_scale=scale,
                    input_scale=strength,
                    forget_bias=forget_bias,
                )
                label = name if len(scales) == 1 else f"{name} x {scale:g}"
                found[label] = probe.reach(ids, length=length, clip_norm=clip_norm)
    if plot:
        plots.save_plot(plot, _panels(found))
    if as_json:
        print(json.dumps({name: _facts(reach) for name, reach in found.items()}))
        return
    _show(found, length)


def _refuse_settings_of_untrained(context: typer.Context) -> None:
    for name in UNTRAINED:
        if is_given(context, name):
            option_name = f"--{name.replace('_', '-')}"
            raise SettingError(f"{option_name} is for untrained networks, and --model is given", hint="leave it out")


def _with_states(cells: str) -> list[str]:
    """The names of cells; raises SettingError for one that there is not, or that has no state."""
    names = [name.strip() for name in cells.split(",")]
    for name in names:
        if not get_cell(name).state_sizes(LayerSize(1, 1, is_first=False)):
            raise SettingError(f"{name} has no state for a gradient to go back through", hint="leave it out")
    return names


def _trained(runs: list[str]) -> "dict[str, Model]":
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model

    models = {run: load_model(find_model(run)) for run in runs}
    for name, model in models.items():
        if model.config.attention:
            raise SettingError(f"{name} looks back with attention, which is not measured", hint="give another network")
    return models


def _ids_for(network: "Model", source: str, corpus: "Corpus") -> Any:
    """The text as a network reads it: in lower case if that is all it knows, and without what it does not know."""
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding import DecodingOptions

    known = network.vocabulary
    own = load_corpus([source], DecodingOptions(lowercase=True)) if known.lowercase else corpus
    return own.remapped(known.map_characters(own.characters, "skip").table, size=len(known))


def _untrained(names: list[str], config: ModelConfig, corpus: "Corpus", random_seed: int) -> "dict[str, Model]":
    """Networks of these cells, as they are before training."""
    from charlstm.network.network import CharacterNetwork
    from charlstm.storage.model_file import Model
    from charlstm.text.vocabulary import Vocabulary

    vocabulary, made = Vocabulary(corpus.characters), {}
    for name in names:
        own = replace(config, cell=name)
        weights = CharacterNetwork(own, len(vocabulary), random_seed=random_seed).get_named_weights()
        made[name] = Model(own, vocabulary, weights, {})
    return made


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as problem:
        raise SettingError(f"--recurrent-scale is {text!r}", hint="give numbers: 0.5,1,1.5") from problem
    if not all(0 <= number < 1e6 for number in numbers):
        raise SettingError(f"--recurrent-scale is {text!r}, but scales must be 0 or more", hint="such as 0.5,1,1.5")
    return numbers


def _streams(ids: Any, length: int) -> Any:
    """Pieces of the text (streams, characters), evenly spread, long enough to warm up and go back."""
    import numpy as np

    size = 2 * length + 50
    if len(ids) < size:
        raise CorpusError(
            f"the text has {len(ids):,} characters that the network knows, fewer than {size:,}",
            hint="give a longer text or a smaller --length",
        )
    starts = np.linspace(0, len(ids) - size, STREAMS).astype(int)
    return np.asarray(ids)[starts[:, None] + np.arange(size)]


def _lines(found: "dict[str, GradientNorms]", part: str) -> list[plots.Line]:
    lines = [(name, getattr(reach, part)) for name, reach in found.items()]
    return [plots.Line(name, range(len(norms)), norms.tolist()) for name, norms in lines if norms is not None]


def _panels(found: "dict[str, GradientNorms]") -> list[plots.Panel]:
    parts = (("hidden", "with respect to the hidden state"), ("cell", "with respect to the cell state"))
    return [
        plots.Panel(lines, f"gradient {title}", "characters back", "norm", log_y=True)
        for part, title in parts
        if (lines := _lines(found, part))
    ]


def _facts(reach: "GradientNorms") -> dict[str, Any]:
    parts = {"hidden": reach.hidden, "cell": reach.cell}
    return {
        part: None if norms is None else [norm if math.isfinite(norm) else None for norm in norms.tolist()]
        for part, norms in parts.items()
    }


def _show(found: "dict[str, GradientNorms]", length: int) -> None:
    """A plot for each kind of state, and the norms at some distances."""
    for panel in _panels(found):
        print(plots.terminal_plot(panel, width=min(100, terminal_width()), colours=console.is_terminal))
        print()
    places = [place for place in SHOWN if place <= length]
    width = max(map(len, found)) + 8
    print(f"{'norm, characters back':<{width}}" + "".join(f"{place:>10}" for place in places))
    for name, reach in found.items():
        for part, norms in (("h", reach.hidden), ("c", reach.cell)):
            if norms is not None:
                print(f"{name + ', ' + part:<{width}}" + "".join(f"{norms[place]:>10.1e}" for place in places))
