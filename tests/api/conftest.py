import pytest

from charlstm.storage.model_file import save_model
from tests.conftest import random_model


@pytest.fixture
def second_run(run):
    """The name of another run beside `run`."""
    folder = run.parent / "second"
    folder.mkdir()
    save_model(folder / "model.safetensors", random_model(num_layers=1, units=5))
    return "second"
