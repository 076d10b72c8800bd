"""How texts end unless the user says so."""

from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.generation.list_defaults import with_default_end, writes_lines
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model


def loaded(*openings: str) -> LoadedModel:
    return LoadedModel(Path("model"), replace(random_model(), training={"openings": list(openings)}))


NAMES, PROSE = loaded("ann\nbea\n", "cid\n"), loaded("the cat", "a dog")


@pytest.mark.parametrize(
    ("models", "rules", "given", "expected"),
    [
        ([PROSE], StopRules(), {}, StopRules(until_pause=True)),
        ([PROSE], StopRules(), {"many": True}, StopRules(until_pause=True)),
        ([PROSE], StopRules(lines=3), {}, StopRules(lines=3, until_pause=True)),
        ([PROSE], StopRules(), {"length_is_given": True}, StopRules()),
        ([PROSE], StopRules(until_sentence=True), {}, StopRules(until_sentence=True)),
        ([NAMES], StopRules(), {}, StopRules(until_pause=True)),
        ([NAMES], StopRules(), {"many": True}, StopRules(lines=1, until_pause=True)),
        ([NAMES], StopRules(lines=2), {"many": True}, StopRules(lines=2, until_pause=True)),
        ([NAMES], StopRules(), {"many": True, "length_is_given": True}, StopRules()),
        ([NAMES, PROSE], StopRules(), {"many": True}, StopRules(until_pause=True)),
    ],
)
def test_defaults_fill_in_what_is_left_open(models, rules, given, expected):
    options = {"length_is_given": False, "many": False} | given
    assert with_default_end(rules, models, **options) == expected
    assert writes_lines(rules, models, **options) == (expected.lines == 1)
