"""`charlstm info`."""

from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.model_info import describe_model, model_to_json
from charlstm.cli.options import Json, Run
from charlstm.cli.repeat_command import repeat_command
from charlstm.storage.run_folder import RunFolder


def info(run: Run = None, as_json: Json = False) -> None:
    """Show a model: architecture, vocabulary, training text, validation loss.

    For a model in its run folder, also when and how it was trained, and the command that repeats the run.

    \b
    charlstm info
    charlstm info runs/macbeth --json
    """
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model
    from charlstm.storage.run_summary import settings_of_model

    path = find_model(run)
    model = load_model(path)
    settings = settings_of_model(path, model.training)
    repeat = repeat_command(RunFolder(path.parent), settings) if settings else None
    if as_json:
        print(to_json(model_to_json(path, model, settings, repeat), indent=2))
    else:
        print(describe_model(path, model, settings, repeat))
