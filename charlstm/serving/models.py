"""The models that a server offers, each with its worker and its page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from charlstm.errors import SettingError
from charlstm.export.page import make_page
from charlstm.generation.load import LoadedModel, load_models, make_language_model
from charlstm.serving.worker import Worker
from charlstm.storage.find_runs import model_name
from charlstm.storage.run_folder import RunFolder


@dataclass
class ServedModel:
    """A model under the name by which clients ask for it."""

    name: str
    loaded: LoadedModel  # of a run with members the first of them, which knows the characters and lines of all
    worker: Worker
    created: int  # seconds since 1970, of the model file
    num_networks: int = 1  # whose predictions are averaged

    @cached_property
    def page(self) -> bytes:
        """The page that runs the model in a browser. Raises SettingError for several, and for one that has none."""
        if self.num_networks > 1:
            raise SettingError(f"it has {self.num_networks} networks, and a page runs one", hint="serve a member of it")
        return make_page(self.loaded.model, title=self.name).encode()


def serve_models(
    runs: Sequence[str], *, max_waiting: int, on_failure: Callable[[str], None] = lambda _: None
) -> dict[str, ServedModel]:
    """Load and compile models by their runs (none: the newest), and return them by name, the first one first.

    Raises CharLSTMError for one that cannot be loaded, and SettingError for two of the same name.
    """
    models: dict[str, ServedModel] = {}
    for networks in [load_models(run) for run in runs] or [load_models(None)]:
        loaded = networks[0]
        name = model_name(loaded.path) if len(networks) == 1 else RunFolder(loaded.path.parent).whole.path.name
        if name in models:
            raise SettingError(
                f"two models are named {name}: {models[name].loaded.path} and {loaded.path}",
                hint="copy one of the model files to another name",
            )
        language_model = make_language_model(networks).compiled()
        worker = Worker(language_model, max_waiting=max_waiting, on_failure=on_failure)
        models[name] = ServedModel(name, loaded, worker, int(loaded.path.stat().st_mtime), len(networks))
    return models
