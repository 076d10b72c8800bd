"""`charlstm inspect`."""

import secrets
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import text_options
from charlstm.cli.completion import choices, complete_models, complete_texts
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import is_dumb, say
from charlstm.cli.display.progress import COMPILING, notice_if_slow
from charlstm.cli.inspected_text import TextChoice, check_place, choose_ids, run_and_text
from charlstm.cli.options import Json, RandomSeed, Unknown, is_given, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.config import SamplingConfig
from charlstm.errors import SettingError, did_you_mean
from charlstm.export.formats import DEFAULT_FONT_SIZE
from charlstm.figures import counted
from charlstm.machine import prefer_one_openblas_thread
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.analysis.inspection import Inspection
    from charlstm.arrays import Ids
    from charlstm.cli.display.inspect_view import Selection
    from charlstm.storage.model_file import Model

VIEW_NAMES = ("surprise", "unit", "gates", "units", "attention", "reach")
STATES = ("output", "cell")
NUM_SHOWN, NUM_SEARCHED = 1000, 20_000  # characters that are read: to be looked at, and to find units


def inspect(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_models,
            metavar="RUN",
            help="A run folder, a name under runs/, or a model file. Default: the newest, also if only TEXT is given.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_texts,
            metavar="TEXT",
            help="The text to read, or - for stdin. Default: the part of the training text that the model has not "
            "learned, or what it writes, if that text is gone.",
            show_default=False,
        ),
    ] = None,
    view: Annotated[
        str | None,
        option(
            "--view",
            metavar="VIEW",
            autocompletion=choices(VIEW_NAMES),
            help=f"What to show first: {', '.join(VIEW_NAMES[:-1])} or {VIEW_NAMES[-1]}. Default: unit with --unit, "
            "gates with --layer, units with --feature, else surprise.",
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        option(
            "--feature",
            metavar="REGEX",
            help="Also find the units that follow whether a character is inside a match of this. Give it once or more.",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        option(
            "--unit",
            metavar="LAYER:UNIT",
            help="The unit to show, such as 2:117; both count from 1. Default: the one that varies most.",
        ),
    ] = None,
    layer: Annotated[
        int | None, option("--layer", metavar="N", help="Show means over this layer, or a unit of it.")
    ] = None,
    state: Annotated[
        str,
        typer.Option(
            "--state", metavar="STATE", autocompletion=choices(STATES), help="Show a unit's output or its cell state."
        ),
    ] = "output",
    at: Annotated[
        int | None,
        option(
            "--at",
            metavar="N",
            min=1,
            help="Look at character N of the text. Default: the first, or the last for printed attention and reach.",
        ),
    ] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Let the model write the text that it is looked at with.")
    ] = False,
    temperature: Annotated[
        float, typer.Option("--temperature", metavar="T", help="Sampling temperature of --generate.")
    ] = SamplingConfig.temperature,
    random_seed: RandomSeed = None,
    characters: Annotated[
        int | None,
        option(
            "--characters",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Read at most so much of the text. Default: 1,000; for units, 20,000.",
        ),
    ] = None,
    unknown: Unknown = "skip",
    encoding: text_options.Encoding = None,
    normalize: text_options.NormalizeLikeModel = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    printed: Annotated[
        bool, typer.Option("--print", help="Print the view on a terminal, too, instead of opening the viewer.")
    ] = False,
    npz: Annotated[
        Path | None,
        option("--npz", metavar="FILE", help="Save everything as NumPy arrays instead: docs/usage.md names them."),
    ] = None,
    html: Annotated[
        Path | None,
        option(
            "--html", metavar="FILE", help="Write a page for browsers instead: it shows the text and runs the model."
        ),
    ] = None,
    font_size: Annotated[
        int, typer.Option("--font-size", metavar="N", help="The size of the text in the page, in pixels.")
    ] = DEFAULT_FONT_SIZE,
    overwrite: Annotated[bool, OVERWRITE] = False,
    as_json: Json = False,
) -> None:
    """Look inside a network while it reads a text.

    Shows the text coloured by how much each character surprises the model, by the output or the cell state of one
    unit, the gates step by step, attention or the reach of a prediction; or which units follow quotes and lines. On a
    terminal the cursor moves over the text, and below it stand the likeliest characters; up and down go through the
    units, Tab through the views, q quits. Elsewhere digits below the text stand for colours.

    \b
    charlstm inspect macbeth
    charlstm inspect macbeth hamlet.txt --unit 2:117 --state cell
    charlstm inspect macbeth --layer 2 --print
    charlstm inspect macbeth --view units --feature "the|The"
    charlstm inspect macbeth --generate --json
    charlstm inspect macbeth --html macbeth.html
    """
    run, text = run_and_text(run, text)
    if text is not None and generate:
        raise SettingError("TEXT and `generate` are both given", hint="give one of the two")
    if text is not None and is_given(context, "temperature"):
        raise SettingError("`temperature` is for a text that the model writes", hint="leave it out, or leave out TEXT")
    if html is None and is_given(context, "font_size"):
        raise SettingError("`font_size` is for a page", hint="give `html` as well")
    outputs = [f"`{name}`" for name, given in (("npz", npz), ("html", html), ("json", as_json)) if given]
    if len(outputs) > 1:
        raise SettingError(f"{' and '.join(outputs)} are both given", hint="give one of the two")
    _check_choice("view", view, VIEW_NAMES)
    _check_choice("state", state, STATES)
    for file in filter(None, (npz, html)):
        check_may_replace(file, overwrite=overwrite)
    prefer_one_openblas_thread()
    from charlstm.analysis.features import compile_patterns
    from charlstm.analysis.trace import check_has_states
    from charlstm.analysis.trace_file import save_trace
    from charlstm.storage.find_runs import find_model, model_name
    from charlstm.storage.model_file import load_model

    compile_patterns(feature or [])
    view = view or ("unit" if unit else "gates" if layer else "units" if feature else "surprise")
    characters = characters or (NUM_SEARCHED if view == "units" else NUM_SHOWN)
    path = find_model(run)
    model = load_model(path)
    check_has_states(model)
    options = DecodingOptions(
        encoding, normalize or model.vocabulary.normalize, keep_boilerplate, model.vocabulary.lowercase
    )
    random_seed = secrets.randbits(32) if random_seed is None else random_seed
    choice = TextChoice(text, generate, characters, options, unknown, temperature, random_seed)
    if run is None:
        say(newest_run_line(path))
    _check_unit(model, unit, layer, state)
    ids, source = choose_ids(path, model, choice)
    check_place(at, len(ids))
    if html:
        from charlstm.cli.page_look import look_of
        from charlstm.export.page import write_page

        look = look_of(model.config, view=view, unit=unit, layer=layer, state=state, at=at)
        write_page(model, html, ids=ids, font_size=font_size, title=f"{model_name(path)}: {source}", look=look)
        say(f"saved {counted(len(ids), 'character')} to {html}: open it in a browser")
        return
    inspection = _trace(model, ids)
    selection = _select(inspection, unit, layer, state)
    selection.patterns = feature or ()
    if npz:
        save_trace(npz, inspection)
        say(f"saved {counted(len(inspection), 'character')} to {npz}")
        return
    _show(
        inspection,
        selection,
        view,
        at=at,
        as_json={"model": str(path), "source": source} if as_json else None,
        printed=printed,
    )


def _check_choice(field: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise SettingError(
            f"`{field}` is {value!r}, but it must be one of {', '.join(known)}",
            hint=did_you_mean(value, known, otherwise=f"give {known[0]}, for example"),
        )


def _check_unit(model: "Model", unit: str | None, layer: int | None, state: str) -> None:
    """Raise SettingError for a layer, a unit or a state that the network does not have, before it reads a text."""
    from charlstm.cells.registry import get_cell
    from charlstm.cells.unit_names import UnitName, check_layer

    if unit is not None and layer is not None:
        raise SettingError("`unit` and `layer` are both given", hint="give one of the two: a unit names its layer")
    if unit is not None:
        UnitName.parse(unit, model.config)
    if layer is not None:
        check_layer(layer, model.config)
    if state == "cell" and not get_cell(model.config.cell).has_cell_state:
        raise SettingError(
            f"`state` is cell, but the cell {model.config.cell} has no cell state", hint="leave `state` out"
        )


def _trace(model: "Model", ids: "Ids") -> "Inspection":
    """Read the text, with a progress bar if it takes long."""
    from charlstm.analysis.inspection import Inspection
    from charlstm.cli.display.progress import progress_bar

    with progress_bar("reading", total=len(ids)) as show_progress:
        return Inspection.of(model, ids, on_progress=show_progress)


def _select(inspection: "Inspection", unit: str | None, layer: int | None, state: str) -> "Selection":
    """Return the unit or the layer to show; without any, the last layer."""
    from charlstm.cells.unit_names import UnitName
    from charlstm.cli.display.inspect_view import Quantity, Selection

    quantity: Quantity = "cell" if state == "cell" else "output"
    if unit is not None:
        return Selection(inspection, *UnitName.parse(unit, inspection.model.config), quantity)
    return Selection(inspection, (layer or inspection.model.config.num_layers) - 1, None, quantity)


def _show(
    inspection: "Inspection",
    selection: "Selection",
    name: str,
    *,
    at: int | None,
    as_json: dict[str, str] | None,
    printed: bool,
) -> None:
    """Print a view, or open the viewer on a terminal."""
    from charlstm.cli.display.inspect_views import is_available, print_report, views_of

    if as_json is not None:
        with notice_if_slow(COMPILING) if name == "reach" else nullcontext():
            figures = views_of(inspection, selection, [name])[name].to_json()
        network = inspection.model.config
        common = {"cell": network.cell, "layers": network.num_layers, "units": network.units}
        print(to_json(as_json | common | {"text": inspection.text, "view": name} | figures))
    elif sys.stdout.isatty() and not printed and not is_dumb():
        from charlstm.cli.display.inspect_viewer import Viewer

        names = [one for one in VIEW_NAMES if one == name or is_available(one, inspection)]
        viewer = Viewer(inspection, selection, views_of(inspection, selection, names), name, (at or 1) - 1)
        raise typer.Exit(viewer.run())
    else:
        place = len(inspection) - 1 if at is None else at - 1
        with notice_if_slow(COMPILING) if name == "reach" else nullcontext():
            print_report(views_of(inspection, selection, [name])[name], place)
