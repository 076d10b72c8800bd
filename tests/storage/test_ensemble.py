"""Runs with members: how they are found, listed, renamed and removed, and what is refused."""

import json
import os
from pathlib import Path

import pytest

from charlstm.errors import RunError
from charlstm.storage.ensemble import EnsembleRecord, find_models, read_ensemble
from charlstm.storage.evaluations import find_recorded_run
from charlstm.storage.find_runs import find_model, find_run, model_name
from charlstm.storage.lock import exclusive_lock
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_housekeeping import find_run_below, remove_run, rename_run
from charlstm.storage.run_summary import COMPLETE, DAMAGED, INTERRUPTED, find_runs, summarize_run
from charlstm.text.file_search import FileSearch
from tests.run_folders import make_run_folder


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make_members(path="runs/cats", *, num_members=2, num_trained=None, **record):
    run = RunFolder(Path(path))
    for index in range(num_members if num_trained is None else num_trained):
        make_run_folder(run.member(index).path)
    EnsembleRecord(num_members=num_members, **record).save(run)
    return run


def test_the_models_of_all_members_are_found():
    run = make_members()
    paths = [run.member(index).model for index in range(2)]
    assert find_models("cats") == find_models("runs/cats") == find_models(None) == paths
    assert find_models("runs/cats/member-1") == [find_model("cats/member-1")] == paths[1:]
    assert [model_name(path) for path in paths] == ["cats/member-0", "cats/member-1"]
    assert find_run("cats") == find_run(None) == run
    assert find_recorded_run("cats/member-1").path == run.member(1).path


def test_the_newest_run_may_be_one_of_one_network():
    make_members()
    newest = make_run_folder(Path("runs/dogs"))
    for path in Path("runs/cats").rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert find_models(None) == [newest.model] == [find_model(None)]


@pytest.mark.parametrize("name", ["cats", None])
def test_where_one_network_is_needed_a_member_has_to_be_named(name):
    make_members()
    with pytest.raises(RunError, match="runs/cats has 2 members, but one network is needed here") as caught:
        find_model(name)
    assert caught.value.hint == "name a member: runs/cats/member-0"
    with pytest.raises(RunError, match="has 2 members"):
        find_recorded_run("cats")


def test_a_member_without_a_model_is_named():
    make_members(num_members=3, num_trained=2)
    with pytest.raises(RunError, match="has 3 members, and member-2 has no model yet"):
        find_models("cats")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"num_members": 1}',
        b'{"num_members": 2, "member_nats": [1.0]}',
        b'{"num_members": "2"}',
        b'{"num_members": 2, "logit_scale": 0}',
        b"\xff",
    ],
)
def test_a_damaged_record_is_refused(content):
    run = make_members()
    run.ensemble.write_bytes(content)
    with pytest.raises(RunError, match=r"ensemble.json cannot be read"):
        read_ensemble(run)
    with pytest.raises(RunError, match=r"ensemble.json cannot be read"):
        find_models("cats")
    assert summarize_run(run, name="cats").state == DAMAGED


def test_a_file_of_that_name_makes_no_run():
    folder = RunFolder(Path("songs"))
    folder.path.mkdir()
    folder.ensemble.write_text("[]")
    assert not folder.has_run
    folder.check_is_free()


def test_members_are_listed_as_one_run():
    run = make_members(member_nats=[1.5, 1.7], average_nats=1.25)
    assert list(find_runs(Path("runs"))) == [run]
    summary = summarize_run(run, name="cats")
    first = summarize_run(run.member(0), name="member-0")
    assert (summary.num_members, summary.state, summary.validation_nats) == (2, COMPLETE, 1.25)
    assert (summary.units, summary.seconds) == (first.units, 2 * (first.seconds or 0))
    assert summary.num_bytes > 2 * first.num_bytes
    assert summarize_run(make_members("runs/some", num_trained=1), name="some").state == INTERRUPTED


def test_the_whole_run_is_renamed_and_removed():
    run = make_members()
    follower = make_run_folder(Path("runs/after"), start_from=str(run.member(1).model.absolute()))
    with pytest.raises(RunError, match="is a member of runs/cats"):
        find_run_below(Path("runs"), "cats/member-0")
    with exclusive_lock(run.member(1).path), pytest.raises(RunError, match="member-1 is training"):
        remove_run(run)
    renamed = rename_run(Path("runs"), run, "lions")
    origin = json.loads(follower.config.read_text())["origin"]
    assert origin["start_from"] == str(renamed.member(1).model.absolute())
    (renamed.member(0).path / "notes.txt").write_text("mine")
    assert remove_run(renamed) == ["member-0"]
    assert [path.name for path in renamed.path.rglob("*")] == ["member-0", "notes.txt"]


def test_a_link_is_no_member():
    elsewhere, run = make_run_folder(Path("elsewhere")), make_members()
    run.member(2).path.symlink_to(elsewhere.path.absolute())
    assert run.members == [run.member(0), run.member(1)]
    run.clear()
    assert elsewhere.has_run


def test_a_run_with_members_is_no_text():
    make_members("texts/run")
    Path("texts/poem.txt").write_text("a poem")
    search = FileSearch()
    search.search_folder(Path("texts"))
    assert [path.name for path in search.files] == ["poem.txt"]
    assert [(one.name, one.reason) for one in search.skipped] == [("run", "a run")]
