"""How options are read, and how messages name them."""

import ast
import re
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from typer.main import get_command

import charlstm as package
from charlstm.api.settings import GenerationSettings, TrainingSettings
from charlstm.cli.app import make_app
from charlstm.cli.options import FIELD_OPTIONS, duration, with_option_names
from charlstm.serving.requests import TYPES

PACKAGE = Path(package.__file__).parent
FIELD = re.compile(r"`(\w+)`")
USERS = {  # of packages, the commands that show most of their messages
    "analysis": ["generate", "gradients", "evaluate", "inspect"],
    "experiments": ["compare", "repeat", "sweep"],
    "generation": ["generate"],
    "sharing": ["push", "pull"],
    "storage": ["train", "runs rm"],
    "text": ["train"],
    "training": ["train"],
}


@cache
def commands():
    """Return the commands by name: `generate`, `corpus stats`."""
    found: dict[str, Any] = {}
    group: Any = get_command(make_app())
    for name, command in group.commands.items():
        subcommands = getattr(command, "commands", None)
        found |= {f"{name} {sub}": one for sub, one in subcommands.items()} if subcommands else {name: command}
    return found


@cache
def options_of(command):
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


def messages(path):
    """Return the strings of a module that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


FIELDS = sorted(
    {
        (match, path.relative_to(PACKAGE).as_posix())
        for path in PACKAGE.rglob("*.py")
        for message in messages(path)
        for match in FIELD.findall(message)
    }
)
PYTHON_ONLY = ("api/", "text/given_text.py")  # messages that no command shows
OVER_HTTP = ("serving/requests.py",)  # messages to whoever sends a request


@pytest.mark.parametrize("field", sorted({field for field, file in FIELDS if file.startswith(PYTHON_ONLY)}))
def test_every_field_in_a_message_to_python_is_a_name_there(field):
    functions = (package.train, package.resume, package.evaluate, package.generate)
    arguments = {name for function in functions for name in signature(function).parameters}
    settings = {name for kind in (TrainingSettings, GenerationSettings) for name in get_type_hints(kind)}
    assert field in arguments | settings | {*package.__all__, *package.TrainedRun.__dataclass_fields__}


@pytest.mark.parametrize("field", sorted({field for field, file in FIELDS if file in OVER_HTTP}))
def test_every_field_in_an_answer_over_http_is_a_parameter(field):
    assert field in TYPES


@pytest.mark.parametrize(
    ("field", "file"), [field for field in FIELDS if not field[1].startswith(PYTHON_ONLY) and field[1] not in OVER_HTTP]
)
def test_every_field_in_a_message_is_an_option(field, file):
    package, stem = Path(file).parts[0], Path(file).stem
    users = [name for name in commands() if name.split()[0] == stem]  # a module that is named like its command
    users = users + USERS.get(package, []) or list(commands())
    names = {FIELD_OPTIONS.get(field), "--" + field.replace("_", "-")}
    assert any(names & options_of(commands()[user]) for user in users)


@pytest.mark.parametrize(
    ("command", "message", "expected"),
    [
        (["generate", "--top-k", "0"], "`top_k` is 0", "--top-k is 0"),
        (["generate"], "`num_layers` is 0", "`num_layers` is 0"),  # generate has no such option
        (["train", "none.txt"], "`num_layers` and `embedding_dim`", "--layers and --embedding"),
        (["train", "none.txt"], "`top_k` and `nothing`", "`top_k` and `nothing`"),
        (["corpus", "stats", "none.txt"], "try `encoding` utf-8", "try --encoding utf-8"),
        (["corpus", "list"], "try `encoding` utf-8", "try `encoding` utf-8"),
        (["generate"], "there is no run '`length`'", "there is no run '`length`'"),  # a user's own text
        (["generate"], 'there is no run "`length`"', 'there is no run "`length`"'),
    ],
)
def test_fields_become_options_of_the_running_command(charlstm, run, command, message, expected):
    charlstm(*command)
    assert with_option_names(message) == expected


def test_outside_of_a_command_fields_stay(charlstm):
    charlstm("--version")
    assert with_option_names("`length` is 0") == "`length` is 0"


@pytest.mark.parametrize("name", commands())
def test_help_has_neither_doubled_brackets_nor_broken_defaults(charlstm, name):
    _, out, _ = charlstm(*name.split(), "--help")
    assert "[[" not in out
    assert "(" not in "".join(re.findall(r"\[default: *\(?", out))
    assert "{[" not in out


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("45", 45)])
def test_duration(text, seconds):
    assert duration(text) == seconds


def test_wrong_duration():
    with pytest.raises(typer.BadParameter, match="90s, 5m or 1h30m"):
        duration("soon")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ([], "charlstm"),
        (["generate"], "charlstm generate"),
        (["evaluate"], "charlstm evaluate"),
        (["corpus", "fetch"], "charlstm corpus fetch"),
    ],
)
@pytest.mark.parametrize("option", ["--no-such-option", "--random-seed"])
def test_wrong_usage_points_at_the_help_of_its_command(charlstm, arguments, path, option):
    code, out, err = charlstm(*arguments, option)
    assert (code, out) == (2, "")
    assert err.splitlines()[1].startswith(f"hint: see {path} --help")
