"""`charlstm gradients`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import text_options
from charlstm.cli.completion import VARIATIONS, choices, complete_cells, complete_models, complete_texts_and_runs
from charlstm.cli.display.gradient_table import fall_line, gradient_panels, gradient_report, growth_line
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import say, warn
from charlstm.cli.display.pictures import check_folder_of, save_plot
from charlstm.cli.options import Json, is_given, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.cli.picture_options import Dark, FontSize, style_of_picture
from charlstm.config import ModelConfig
from charlstm.errors import RunError, SettingError
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.analysis.gradient_flow import GradientSettings
    from charlstm.storage.model_file import Model
    from charlstm.storage.run_folder import RunFolder
    from charlstm.text.corpus import Corpus

OPTIONS_OF_UNTRAINED = ("cells", "layers", "units", "random_seed")
DEFAULT_TEXT = "macbeth.txt"


def gradients(
    context: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_texts_and_runs,
            metavar="TEXT|RUN",
            help=f"A text, by default {DEFAULT_TEXT}; or a run, to see how far its network reaches at each checkpoint.",
            show_default=False,
        ),
    ] = None,
    cells: Annotated[
        str,
        typer.Option(
            "--cells", autocompletion=complete_cells, metavar="CELLS", help="Measure untrained networks of these cells."
        ),
    ] = "rnn,gru,lstm",
    model: Annotated[
        list[str] | None,
        option(
            "--model",
            autocompletion=complete_models,
            metavar="RUN",
            help="Measure a trained network instead. Repeat it for several.",
        ),
    ] = None,
    variation: Annotated[
        str | None,
        option(
            "--variation",
            autocompletion=choices(VARIATIONS),
            metavar="NAME",
            help="What is changed in the networks: textbook (the default of untrained ones: small recurrent weights, "
            "open forget gates), initial (nothing, as training begins), closed (forget gates that forget) or exploding "
            "(large recurrent weights).",
        ),
    ] = None,
    recurrent_scale: Annotated[
        str | None,
        option(
            "--recurrent-scale",
            metavar="X,...",
            help="Multiply the recurrent weights by each of these instead of the variation's number.",
        ),
    ] = None,
    forget_bias: Annotated[
        float | None,
        option(
            "--forget-bias",
            metavar="X",
            help="Bias of the forget gates instead of the variation's; 5 or more keeps them open.",
        ),
    ] = None,
    input_scale: Annotated[
        float | None,
        option(
            "--input-scale",
            metavar="X",
            min=0,
            help="Multiply the inputs by this; strong inputs saturate the units and hide the effect of the recurrent "
            "weights. Default: 0.1 for untrained networks, 1 for trained ones.",
        ),
    ] = None,
    length: Annotated[int, typer.Option("--length", metavar="N", min=1, max=5000, help="Characters to go back.")] = 100,
    layers: Annotated[int, typer.Option("--layers", metavar="N", help="Layers of the untrained networks.")] = 1,
    units: Annotated[int, typer.Option("--units", metavar="N", help="Units of the untrained networks.")] = 128,
    clip_norm: Annotated[
        float,
        typer.Option(
            "--clip-norm", metavar="NORM", min=0, help="Clip the gradient to this norm after every step back."
        ),
    ] = 0.0,
    plot: Annotated[
        Path | None, option("--plot", metavar="FILE", help="Also save the plot, as a .png, .svg or .pdf file.")
    ] = None,
    dark: Dark = False,
    font_size: FontSize = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
    random_seed: Annotated[
        int, typer.Option("--random-seed", metavar="N", min=0, help="Random seed of the initial weights.")
    ] = 0,
    encoding: text_options.Encoding = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    as_json: Json = False,
) -> None:
    """Show how gradients vanish and explode.

    Shows the norm of the gradient of the loss at one character with respect to the hidden state h and the cell state c
    1, 2, 3 and more characters back: the median over 16 positions in the text. In a plain network it vanishes, through
    an open forget gate it does not; --variation and the options below it show when it is otherwise. Of a run the
    networks before training, at its checkpoints and the best one are measured.

    \b
    charlstm gradients
    charlstm gradients --variation exploding --plot gradients.png
    charlstm gradients --cells rnn,lstm --recurrent-scale 0.5,1,1.5
    charlstm gradients runs/macbeth --length 300
    charlstm gradients --model macbeth --model alice
    """
    from charlstm.analysis import gradient_flow
    from charlstm.network.backend import import_tensorflow, tensorflow_memory_errors
    from charlstm.text.corpus import load_corpus
    from charlstm.text.vocabulary import Vocabulary

    style = style_of_picture(plot, dark=dark, font_size=font_size, option="plot")
    if plot:
        check_folder_of(plot)
        check_may_replace(plot, overwrite=overwrite)
    run = None if model else _find_run(text)
    is_untrained = not (model or run)
    if not is_untrained:
        _refuse_options_of_untrained(context, "--model" if model else "a run")
    settings, title = _settings(
        variation,
        recurrent_scale,
        forget_bias,
        input_scale,
        is_untrained=is_untrained,
        length=length,
        clip_norm=clip_norm,
    )
    names = tuple(name.strip() for name in cells.split(","))
    untrained = gradient_flow.UntrainedNetworks(names, ModelConfig(num_layers=layers, units=units), random_seed)
    trained = gradient_flow.load_networks(model or [])
    if run:
        corpus = _read_text(run)
    else:
        options = DecodingOptions(encoding, "nfc" if is_untrained else "none", keep_boilerplate)  # a model has its own
        corpus = load_corpus([text or DEFAULT_TEXT], options, on_message=say)
    with starting_tensorflow(quiet=as_json):
        import_tensorflow()
        with tensorflow_memory_errors():
            networks = _networks_by_step(run) if run else trained or untrained.build(Vocabulary(corpus.characters))
            on_warning = (lambda _: None) if forget_bias is None else warn
            results = gradient_flow.compare_gradients(networks, corpus, settings, on_warning=on_warning)
    if plot:
        save_plot(plot, gradient_panels(results, title), style)
    if as_json:
        print(to_json({name: norms.to_json() for name, norms in results.items()}))
    else:
        finding = growth_line(results) if run else fall_line(results)
        print(gradient_report(results, title, finding, with_cell_state=not run))


def _settings(
    variation: str | None,
    recurrent_scale: str | None,
    forget_bias: float | None,
    input_scale: float | None,
    *,
    is_untrained: bool,
    length: int,
    clip_norm: float,
) -> "tuple[GradientSettings, str]":
    """Return the settings of a variation with what is given besides, and a title that says what they are."""
    from charlstm.analysis.gradient_flow import UNTRAINED_INPUT_SCALE, GradientSettings, get_variation

    base = get_variation(variation or ("textbook" if is_untrained else "initial"))
    scales = (base.recurrent_scale,) if recurrent_scale is None else _parse_numbers("recurrent_scale", recurrent_scale)
    settings = GradientSettings(
        length=length,
        recurrent_scales=scales,
        input_scale=input_scale if input_scale is not None else UNTRAINED_INPUT_SCALE if is_untrained else 1.0,
        forget_bias=base.forget_bias if forget_bias is None else forget_bias,
        clip_norm=clip_norm,
    )
    changes = [] if scales == (1.0,) or len(scales) > 1 else [f"recurrent weights x {scales[0]:g}"]
    changes += [] if settings.forget_bias is None else [f"forget bias {settings.forget_bias:g}"]
    return settings, f"gradient ({', '.join(changes)})" if changes else "gradient"


def _find_run(name: str | None) -> "RunFolder | None":
    """Return the run of a folder or of a name under `runs/`; None if it is the path of a text, or the name of one."""
    from charlstm.storage.find_runs import under_runs
    from charlstm.storage.run_folder import RunFolder, check_is_one_network

    if name is None or (Path(name).exists() and not RunFolder(Path(name)).has_run):
        return None
    run = RunFolder(under_runs(name))
    check_is_one_network(run)
    return run if run.has_run else None


def _read_text(run: "RunFolder") -> "Corpus":
    """Return the text that a run was trained on, as it is now."""
    from charlstm.analysis.training_text import find_recorded_text, read_recorded_text

    return read_recorded_text(run, find_recorded_text(run), say)


def _networks_by_step(run: "RunFolder") -> "dict[str, Model]":
    """Return the networks that a run keeps. Raises RunError if it has none that can be measured."""
    from charlstm.analysis.gradient_flow import check_measurable
    from charlstm.training.saved_networks import saved_networks

    networks = {f"step {step:,}": model for step, model in saved_networks(run).items()}
    if not networks:
        raise RunError(f"{run.path} has no network whose weights are numbers", hint="give another run")
    for model in networks.values():
        check_measurable(str(run.path), model.config)
    return networks


def _refuse_options_of_untrained(context: typer.Context, given: str) -> None:
    for name in OPTIONS_OF_UNTRAINED:
        if is_given(context, name):
            raise SettingError(
                f"`{name}` is for untrained networks, but {given} is given", hint="leave one of them out"
            )


def _parse_numbers(field: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise SettingError(
            f"`{field}` is {text!r}, but it must be numbers with commas between", hint="give 0.5,1,1.5, for example"
        ) from error
