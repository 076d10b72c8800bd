"""`charlstm push`, with the real client and a stand-in for the Hub."""

import sys

import pytest

from charlstm.sharing.card import is_as_written
from tests.sharing.conftest import TOKEN
from tests.sharing.stand_in import Answer, Repository

NAME = "anna/tiny"


def test_a_new_repository_is_private_and_gets_model_and_card_in_one_commit(hub, at_hub, run):
    code, out, err = at_hub("push", "tiny", NAME, "--license", "MIT", "-m", "The first")
    assert (code, out) == (0, f"{hub.address}/{NAME}\n"), err
    assert err == f"everyone with access can get it: charlstm pull {NAME}\n"
    repository = hub.repositories[NAME]
    assert (repository.private, repository.messages, len(repository.commits)) == (True, ["The first"], 2)
    assert repository.files["model.safetensors"] == (run / "model.safetensors").read_bytes()
    card = repository.files["README.md"].decode()
    assert is_as_written(card)
    assert 'license: "mit"' in card
    assert f"charlstm pull {NAME}" in card
    assert TOKEN in hub.tokens


def test_pushing_again_replaces_the_card_unless_somebody_has_edited_it(hub, at_hub, run):
    at_hub("push", "tiny", NAME)
    repository = hub.repositories[NAME]
    code, out, err = at_hub("push", "tiny", NAME)
    assert (code, out, len(repository.commits)) == (0, f"{hub.address}/{NAME}\n", 2), err
    assert "No files have been modified" in err
    assert at_hub("push", "tiny", NAME, "--license", "cc0-1.0")[0] == 0
    assert b"cc0-1.0" in repository.files["README.md"]
    edited = repository.files["README.md"].replace(b"# tiny", b"# My tiny model")
    repository.commits.append(repository.files | {"README.md": edited})
    (run / "model.safetensors").write_bytes(_other_model(run))
    code, _, err = at_hub("push", "tiny", NAME)
    assert (code, "--overwrite replaces it" in err) == (0, True)
    assert repository.files["README.md"] == edited
    assert repository.files["model.safetensors"] == (run / "model.safetensors").read_bytes()
    assert at_hub("push", "tiny", NAME, "--overwrite")[0] == 0
    assert is_as_written(repository.files["README.md"].decode())


def test_a_card_of_somebody_else_stays_however_long_it_is(hub, at_hub, run):
    for card in (b"# Mine\n", b"long " * 300_000):
        hub.repositories[NAME] = Repository(private=True, commits=[{"README.md": card}])
        code, out, err = at_hub("push", "tiny", NAME)
        assert (code, out) == (0, f"{hub.address}/{NAME}\n")
        assert "README.md has been edited there" in err
        assert list(hub.repositories[NAME].files) == ["README.md", "model.safetensors"]
        assert hub.repositories[NAME].files["README.md"] == card


def _other_model(run):
    from charlstm.storage.model_file import save_model
    from tests.conftest import random_model

    save_model(run / "other.safetensors", random_model(units=9))
    return (run / "other.safetensors").read_bytes()


def test_public_says_what_the_repository_is(hub, at_hub, run):
    assert at_hub("push", "tiny", NAME, "--public")[0] == 0
    assert not hub.repositories[NAME].private
    code, out, err = at_hub("push", "tiny", NAME)
    assert (code, out) == (2, "")
    assert "is public" in err
    assert "allow that with --public" in err
    hub.repositories[NAME].private = True
    code, _, err = at_hub("push", "tiny", NAME, "--public")
    assert (code, "--public is for a new repository" in err) == (2, True)
    assert len(hub.repositories[NAME].commits) == 2


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        ("POST /api/repos/create", "the Hub does not allow this for anna/tiny: not yours", "settings/tokens"),
        ("PUT /lfs", "the Hub does not allow this for anna/tiny: not yours", "settings/tokens"),
    ],
)
def test_a_refusal_is_one_line_and_a_hint(hub, at_hub, run, answer, message, hint):
    hub.answers[answer] = Answer(403, body=b'{"error": "not yours"}')
    code, out, err = at_hub("push", "tiny", NAME)
    lines = err.splitlines()
    assert (code, out, len(lines)) == (1, "", 2)
    assert message in lines[0]
    assert hint in lines[1]


def test_a_licence_that_the_hub_does_not_know(hub, at_hub, run):
    code, _, err = at_hub("push", "tiny", NAME, "--license", "klingon-1.0")
    assert (code, '400 "license" must be one of' in err) == (1, True)
    assert len(err.splitlines()) == 2


def test_without_a_token_nothing_is_sent(hub, in_own_process, run):
    code, _, err = in_own_process("push", "tiny", NAME, HF_TOKEN=None)
    assert (code, "hf auth login" in err, hub.requests) == (1, True, [])


def test_a_repository_that_moves_on_meanwhile_is_left_alone(hub, at_hub, run):
    hub.repositories[NAME] = Repository(private=True)
    hub.answers[f"GET /api/models/{NAME}"] = Answer(
        200, body=b'{"id": "anna/tiny", "sha": "%s", "private": true}' % (b"0" * 40)
    )
    code, _, err = at_hub("push", "tiny", NAME)
    assert (code, "has just been changed by somebody else" in err) == (1, True)
    assert len(hub.repositories[NAME].commits) == 1


def test_a_dry_run_shows_the_card_and_needs_neither_the_hub_nor_its_library(charlstm, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    code, out, err = charlstm("push", "tiny", NAME, "--license", "mit", "--dry-run")
    assert (code, err) == (0, "")
    assert is_as_written(out)


def test_the_extra_is_named_where_it_is_missing(charlstm, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for arguments in (("push", "tiny", NAME), ("pull", NAME)):
        code, out, err = charlstm(*arguments)
        assert (code, out) == (1, "")
        assert "[hub]'" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny", "tiny"], "'tiny' is not the name of a repository"),
        (["tiny", "anna/tiny/x"], "is not the name of a repository"),
        (["tiny", "https://hub.example/anna/tiny"], "is not the name of a repository"),
        (["tiny", "anna/../tiny"], "is not the name of a repository"),
        (["tiny", NAME, "--license", "MIT License"], "--license is 'MIT License'"),
        (["tiny", NAME, "--message", " "], "--message is empty"),
    ],
)
def test_wrong_usage(charlstm, run, arguments, message):
    code, out, err = charlstm("push", *arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]
