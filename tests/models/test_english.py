"""The text of `english`: its build on made works, and the real text where it was built."""

import hashlib
import json
from pathlib import Path

import pytest

from models import english
from models.english_works import WORKS, Work
from models.exclusion import known_passages, shared_passages
from models.packages import Package, PackageError

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "english"
TINY_SHAKESPEARE = ROOT.parent / "shared" / "corpora" / "tinyshakespeare.txt"


def made_work(kind, name, sentence):
    """Return a work of 400 paragraphs that needs no package."""
    return Work(kind, name, Package("npm", name), "*.txt", lambda _: [[f"{sentence} {n}."] for n in range(400)])


@pytest.fixture
def made_works(monkeypatch, tmp_path):
    """Two kinds that are built from nothing, with the checksum of their text."""
    works = (made_work("novels", "one", "It was a dark night"), made_work("verse", "two", "The rose is red"))
    monkeypatch.setattr(english, "WORKS", works)
    monkeypatch.setattr(english, "SHAKESPEARE", ())
    monkeypatch.setattr(english, "read_member", lambda *_, **__: [])
    monkeypatch.setattr(english, "CHECKSUMS", tmp_path / "checksums.json")
    (tmp_path / "checksums.json").write_text(json.dumps({"one": "", "two": "", "train.txt": ""}))
    with pytest.raises(PackageError, match="SHA-256") as error:
        english.build(tmp_path / "wrong")
    digest = str(error.value).split()[8]
    (tmp_path / "checksums.json").write_text(json.dumps({"one": "", "two": "", "train.txt": digest}))


def test_train_and_held_out_parts_are_disjoint_and_complete(made_works, tmp_path):
    characters = english.build(tmp_path / "text")

    train = (tmp_path / "text" / "train.txt").read_text()
    held_out = (tmp_path / "text" / "valid-verse.txt").read_text()
    assert characters["verse"]["valid"] == len(held_out) > 0
    assert sum(kind["train"] for kind in characters.values()) == len(train) + 1
    assert not set(held_out.split("\n\n")) & set(train.split("\n\n"))
    assert held_out.splitlines()[0] not in train.splitlines()


def test_a_complete_text_is_not_built_again(made_works, tmp_path, monkeypatch):
    first = english.build(tmp_path / "text")
    monkeypatch.setattr(english, "WORKS", ())
    assert english.build(tmp_path / "text") == first


def test_another_text_than_the_recorded_one_is_not_written(made_works, tmp_path):
    assert not (tmp_path / "wrong" / "train.txt").exists()
    assert not (tmp_path / "wrong" / "kinds.json").exists()


def test_errors_are_one_line_and_a_hint(tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise PackageError("r-cran-janeaustenr cannot be fetched", hint="Run `apt-get update` first.")

    monkeypatch.setattr(english, "read_member", fail)
    assert english.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == "r-cran-janeaustenr cannot be fetched\nRun `apt-get update` first.\n"


def test_every_work_has_a_checksum_and_a_name_of_its_own():
    names = [work.name for work in WORKS]
    assert len(set(names)) == len(names)
    assert set(names) < set(json.loads(english.CHECKSUMS.read_text()))


@pytest.mark.skipif(not (BUILT / "kinds.json").exists(), reason="the text of `english` was not built")
class TestBuiltText:
    """Checks of the text that `make english-text` builds."""

    def test_it_is_the_recorded_text(self):
        digest = hashlib.sha256((BUILT / "train.txt").read_bytes()).hexdigest()
        assert digest == json.loads(english.CHECKSUMS.read_text())["train.txt"]

    def test_no_kind_is_two_fifths(self):
        sizes = [kind["train"] for kind in json.loads((BUILT / "kinds.json").read_text()).values()]
        assert max(sizes) < 0.4 * sum(sizes)

    def test_it_has_no_passage_of_shakespeare(self):
        plays = [play.read_text() for play in (english.MACBETH, TINY_SHAKESPEARE) if play.exists()]
        known = known_passages(plays)
        for path in BUILT.glob("*.txt"):
            assert shared_passages(path.read_text(), known) == [], path.name

    def test_held_out_parts_are_not_in_it(self):
        train = set((BUILT / "train.txt").read_text().split("\n\n"))
        for path in BUILT.glob("valid-*.txt"):
            shared = [part for part in path.read_text().split("\n\n") if len(part) > 200 and part in train]
            assert not shared, path.name
