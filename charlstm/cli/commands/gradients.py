"""`charlstm gradients`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli import text_options
from charlstm.cli.completion import complete_cells, complete_models, complete_texts
from charlstm.cli.display import plots
from charlstm.cli.display.gradient_table import gradient_panels, gradient_report
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import say, warn
from charlstm.cli.options import Json, is_given, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.config import ModelConfig
from charlstm.errors import SettingError
from charlstm.text.decoding_options import DecodingOptions

OPTIONS_OF_UNTRAINED = ("cells", "layers", "units", "random_seed")
DEFAULT_TEXT = "macbeth.txt"


def gradients(
    context: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_texts, metavar="TEXT", help=f"Default: {DEFAULT_TEXT}.", show_default=False
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
    recurrent_scale: Annotated[
        str, typer.Option("--recurrent-scale", metavar="X,...", help="Multiply the recurrent weights by each of these.")
    ] = "1",
    forget_bias: Annotated[
        float | None,
        option(
            "--forget-bias",
            metavar="X",
            help="Bias of the forget gates; 5 or more keeps them open. Default: as in the network.",
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
    overwrite: Annotated[bool, OVERWRITE] = False,
    random_seed: Annotated[
        int, typer.Option("--random-seed", metavar="N", min=0, help="Random seed of the initial weights.")
    ] = 0,
    encoding: text_options.Encoding = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    as_json: Json = False,
) -> None:
    """Show how gradients vanish and explode.

    Shows the norm of the gradient of the loss at one character with respect to the hidden state and the cell state 1,
    2, 3 and more characters back: the median over 16 positions in the text. Scaling the recurrent weights makes the
    gradient vanish or explode.

    \b
    charlstm gradients
    charlstm gradients --cells rnn,lstm --recurrent-scale 0.5,1,1.5 --plot gradients.png
    charlstm gradients --model macbeth --length 300
    """
    from charlstm.analysis import gradient_flow
    from charlstm.network.backend import import_tensorflow, tensorflow_memory_errors
    from charlstm.text.corpus import load_corpus
    from charlstm.text.vocabulary import Vocabulary

    plots.check_image_format(plot)
    if plot:
        plots.check_folder_of(plot)
        check_may_replace(plot, overwrite=overwrite)
    if model:
        _refuse_options_of_untrained(context)
    settings = gradient_flow.GradientSettings(
        length=length,
        recurrent_scales=_parse_numbers("recurrent_scale", recurrent_scale),
        input_scale=input_scale if input_scale is not None else 1.0 if model else gradient_flow.UNTRAINED_INPUT_SCALE,
        forget_bias=forget_bias,
        clip_norm=clip_norm,
    )
    names = tuple(name.strip() for name in cells.split(","))
    untrained = gradient_flow.UntrainedNetworks(names, ModelConfig(num_layers=layers, units=units), random_seed)
    trained = gradient_flow.load_networks(model or [])
    options = DecodingOptions(encoding, "none" if trained else "nfc", keep_boilerplate)  # a model has its own form
    corpus = load_corpus([text or DEFAULT_TEXT], options, on_message=say)
    with starting_tensorflow(quiet=as_json):
        import_tensorflow()
        with tensorflow_memory_errors():
            networks = trained or untrained.build(Vocabulary(corpus.characters))
            results = gradient_flow.compare_gradients(networks, corpus, settings, on_warning=warn)
    if plot:
        plots.save_plot(plot, gradient_panels(results))
    if as_json:
        print(to_json({name: norms.to_json() for name, norms in results.items()}))
    else:
        print(gradient_report(results))


def _refuse_options_of_untrained(context: typer.Context) -> None:
    for name in OPTIONS_OF_UNTRAINED:
        if is_given(context, name):
            raise SettingError(
                f"`{name}` is for untrained networks, but --model is given", hint="leave one of them out"
            )


def _parse_numbers(field: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise SettingError(
            f"`{field}` is {text!r}, but it must be numbers with commas between", hint="give 0.5,1,1.5, for example"
        ) from error
