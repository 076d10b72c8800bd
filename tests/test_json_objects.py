import math
from dataclasses import dataclass

import pytest

from charlstm.errors import MAX_SHOWN, SettingError, shown
from charlstm.json_objects import MAX_DEPTH, object_from_json, parse_json


@dataclass
class Recipe:
    name: str
    minutes: float
    portions: int | None = 2
    steps: list[str] | None = None
    is_vegan: bool = False


def test_json_is_parsed_as_usual():
    text = '{"a": [1, 2.5, null, true], "b": {"c": "[[[{{{ \\" "}}'
    assert parse_json(text) == {"a": [1, 2.5, None, True], "b": {"c": '[[[{{{ " '}}
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_json(f'["{"[" * 500}"]') == ["[" * 500]
    assert parse_json(f"{deep}") is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting"),
        ("[" * 100_000, "nested more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 deep"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "the key 'b' twice"),
        ("[" + "9" * 5000 + "]", "an integer of 5,000 digits"),
        ('{"a": NaN}', "'NaN', which is not finite"),
        ('{"a": [-Infinity]}', "'-Infinity', which is not finite"),
        ('{"a": 1e400}', "'1e400', which is not finite"),
    ],
)
def test_json_that_could_do_harm_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_infinite_numbers_are_allowed_where_a_later_check_names_the_setting():
    assert parse_json("1e400", finite=False) == math.inf


def test_object_has_the_types_of_its_fields():
    values = {"name": "soup", "minutes": 20, "steps": ["cut", "boil"]}
    assert object_from_json(Recipe, values) == Recipe("soup", 20, steps=["cut", "boil"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "[1, 2] is not a JSON object"),
        ({"name": "soup"}, "the settings minutes are missing"),
        ({"name": "soup", "minutes": 1, "salt": 1}, "there is no setting 'salt'"),
        ({"name": 3, "minutes": 1}, "setting 'name' is 3, but it must be a string"),
        ({"name": "soup", "minutes": True}, "setting 'minutes' is True, but it must be a number"),
        ({"name": "soup", "minutes": "1"}, "setting 'minutes' is '1', but it must be a number"),
        ({"name": "soup", "minutes": 1, "portions": 1.5}, "'portions' is 1.5, but it must be an integer or null"),
        ({"name": "soup", "minutes": 1, "steps": ["a", 1]}, "a list, each item a string or null"),
        ({"name": "soup", "minutes": 1, "is_vegan": 0}, "setting 'is_vegan' is 0, but it must be true or false"),
    ],
)
def test_object_of_other_fields_or_types_is_refused(values, message):
    with pytest.raises(SettingError) as caught:
        object_from_json(Recipe, values)
    assert message in str(caught.value)
    assert caught.value.hint


def test_long_values_are_shortened_in_messages():
    for value in ("a" * 10**7, 10**400, 10**5000, list(range(1000)), {"a": "b" * 1000}):
        assert len(shown(value)) <= MAX_SHOWN
    assert shown("short") == "'short'"
