"""`charlstm info`."""

from typing import Annotated

import typer

from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.members_info import describe_members, members_to_json
from charlstm.cli.display.model_info import describe_model, model_to_json
from charlstm.cli.options import Json, Run
from charlstm.cli.repeat_command import repeat_command
from charlstm.errors import SettingError
from charlstm.storage.run_folder import RunFolder

Machine = Annotated[
    bool,
    typer.Option(
        "--machine",
        help="Show this machine instead: its processor, the instruction sets that charlstm can use, the one it uses "
        "(CHARLSTM_ISA=NAME chooses another), how fast each trains, and the precision that train takes by itself.",
    ),
]


def info(run: Run = None, machine: Machine = False, as_json: Json = False) -> None:
    """Show a model: architecture, vocabulary, training text, validation loss.

    For a model in its run folder, also when and how it was trained, and the command that repeats the run. For a run
    with members, how well each of them and their average predict the validation text.

    \b
    charlstm info
    charlstm info runs/macbeth --json
    charlstm info --machine
    """
    if machine:
        if run is not None:
            raise SettingError("RUN and `machine` are both given", hint="give one of the two")
        print(_machine_info(as_json=as_json))
    else:
        print(_model_info(run, as_json=as_json))


def _model_info(run: str | None, *, as_json: bool) -> str:
    from charlstm.storage.ensemble import find_models, read_ensemble
    from charlstm.storage.model_file import load_model, weight_bits
    from charlstm.storage.run_summary import settings_of_model

    path, *others = find_models(run)
    if others:
        whole = RunFolder(path.parent).whole
        record = read_ensemble(whole)
        return to_json(members_to_json(whole, record), indent=2) if as_json else describe_members(whole, record)
    model = load_model(path)
    settings = settings_of_model(path, model.training)
    repeat = repeat_command(RunFolder(path.parent), settings) if settings else None
    bits = weight_bits(path)
    if as_json:
        return to_json(model_to_json(path, model, settings, repeat, bits=bits), indent=2)
    return describe_model(path, model, settings, repeat, bits=bits)


def _machine_info(*, as_json: bool) -> str:
    from charlstm.cli.display.live_display import status_line
    from charlstm.cli.display.machine_info import describe_machine, machine_to_json
    from charlstm.network.machine_speeds import measure_machine

    with status_line("loading LLVM") as show_status:
        speeds = measure_machine(show_status)
    return to_json(machine_to_json(speeds), indent=2) if as_json else describe_machine(speeds)
