"""The models that a server offers, each with its worker and its page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from charlstm.errors import SettingError
from charlstm.export.page import make_page
from charlstm.generation.load import LoadedModel, load_models, make_language_model
from charlstm.serving.worker import Worker
from charlstm.storage.run_folder import model_name


@dataclass
class ServedModel:
    """A model under the name by which clients ask for it."""

    name: str
    loaded: LoadedModel
    worker: Worker
    created: int  # seconds since 1970, of the model file

    @cached_property
    def page(self) -> bytes:
        """The page that runs the model in a browser. Raises SettingError for a network that has none."""
        return make_page(self.loaded.model, title=self.name).encode()


def serve_models(
    runs: Sequence[str], *, max_waiting: int, on_failure: Callable[[str], None] = lambda _: None
) -> dict[str, ServedModel]:
    """Load and compile models by their runs (none: the newest), and return them by name, the first one first.

    Raises CharLSTMError for one that cannot be loaded, and SettingError for two of the same name.
    """
    models: dict[str, ServedModel] = {}
    for loaded in [load_models(run)[0] for run in runs] or load_models(None):
        name = model_name(loaded.path)
        if name in models:
            raise SettingError(
                f"two models are named {name}: {models[name].loaded.path} and {loaded.path}",
                hint="copy one of the model files to another name",
            )
        language_model = make_language_model([loaded]).compiled()
        worker = Worker(language_model, max_waiting=max_waiting, on_failure=on_failure)
        models[name] = ServedModel(name, loaded, worker, int(loaded.path.stat().st_mtime))
    return models
