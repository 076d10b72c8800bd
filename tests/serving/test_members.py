"""A run with members is served as one model."""

from pathlib import Path

import pytest

from charlstm.errors import SettingError
from charlstm.serving.models import serve_models
from charlstm.storage.ensemble import EnsembleRecord
from charlstm.storage.run_folder import RunFolder
from tests.run_folders import make_run_folder


def test_members_are_served_as_one_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunFolder(Path("runs/cats"))
    for index in range(2):
        make_run_folder(run.member(index).path)
    EnsembleRecord(num_members=2).save(run)
    models = serve_models(["cats", "cats/member-1"], max_waiting=1)
    assert [(name, model.num_networks) for name, model in models.items()] == [("cats", 2), ("cats/member-1", 1)]
    with pytest.raises(SettingError, match="it has 2 networks, and a page runs one"):
        _ = models["cats"].page
    assert models["cats/member-1"].page
