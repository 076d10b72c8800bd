"""`charlstm info`."""

from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.model_info import describe_model, model_to_json
from charlstm.cli.options import Json, Run


def info(run: Run = None, as_json: Json = False) -> None:
    """Show a model: architecture, vocabulary, training text, validation loss.

    \b
    charlstm info
    charlstm info runs/macbeth --json
    """
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model

    path = find_model(run)
    model = load_model(path)
    if as_json:
        print(to_json(model_to_json(path, model), indent=2))
    else:
        print(describe_model(path, model))
