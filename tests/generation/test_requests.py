import json

import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.requests import read_requests
from charlstm.generation.stopping import StopRules


def read(path, *lines, config=None, rules=None):
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return read_requests(path, config or SamplingConfig(random_seed=7), rules or StopRules())


def test_settings_override_the_defaults(tmp_path):
    defaults = SamplingConfig(random_seed=7, length=50), StopRules(lines=3)
    lines = [{"seed": "ab", "length": 5}, "", {"random_seed": 4, "temperature": 0, "lines": None}, {"seed": "x"}]
    requests = read(tmp_path / "requests.jsonl", *lines, config=defaults[0], rules=defaults[1])
    assert [request.prompt for request in requests] == ["ab", None, "x"]
    assert [request.config.random_seed for request in requests] == [7, 4, 9]
    assert [request.config.length for request in requests] == [5, 50, 50]
    assert [request.rules.lines for request in requests] == [3, None, 3]
    assert requests[1].config.temperature == 0


def test_prompt_is_another_name_of_seed(tmp_path):
    (request,) = read(tmp_path / "requests.jsonl", {"prompt": "ab"})
    assert request.prompt == "ab"


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        ({"stop": "e"}, StopRules(stops=("e",))),
        ({"stop": ["e", "t"], "include_stop": True}, StopRules(stops=["e", "t"], include_stop=True)),
        ({"max_time": "1m"}, StopRules(max_time=60)),
        ({"max_time": 2}, StopRules(max_time=2)),
        ({"max_time": None, "paragraphs": 2}, StopRules(paragraphs=2)),
    ],
)
def test_stop_rules(tmp_path, settings, rules):
    (request,) = read(tmp_path / "requests.jsonl", settings)
    assert request.rules.to_json() == rules.to_json()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not JSON"),
        ("3", "line 1: a request must be an object"),
        ('{"seed": 3}', "line 1: `seed` is 3, but it must be a string"),
        ('{"prompt": null}', "line 1: `prompt` is None, but it must be a string"),
        ('{"seed": "a", "prompt": "b"}', "line 1: `seed` and `prompt` are both given"),
        ('{"lenght": 3}', "line 1: there is no setting 'lenght'"),
        ('{"length": 0}', "line 1: `length` is 0"),
        ('{"length": "9"}', "line 1: `length` is '9', but it must be an integer"),
        ('{"length": true}', "line 1: `length` is True, but it must be an integer"),
        ('{"top_p": "a"}', "line 1: `top_p` is 'a', but it must be a number or null"),
        ('{"stop": 3}', "line 1: `stop` is 3, but it must be a string or a list of strings"),
        ('{"stop": [3]}', "line 1: `stop` is [3], but"),
        ('{"stop": ""}', "line 1: `stop` is empty"),
        ('{"lines": true}', "line 1: `lines` is True, but it must be an integer or null"),
        ('{"until_sentence": 1}', "line 1: `until_sentence` is 1, but it must be true or false"),
        ('{"max_time": "soon"}', "line 1: `max_time`: 'soon' is not a duration"),
        ("[" * 100_000, "line 1: not JSON (it is nested more than 100 deep)"),
        ('{"seed": ' + "[" * 5000 + "]" * 5000 + "}", "line 1: not JSON (it is nested more than 100 deep)"),
        ('{"length": 3, "length": 4}', "line 1: not JSON (it has the key 'length' twice)"),
        ('{"random_seed": ' + "9" * 5000 + "}", "line 1: not JSON (it has an integer of 5,000 digits)"),
        *(
            (f'{{"{name}": {value}}}', f"line 1: `{name}` is ")
            for name in ("temperature", "repetition_penalty", "top_p", "min_p", "typical", "top_k", "length", "lines")
            for value in ("1e400", "NaN", "-Infinity", "1" + "0" * 400, "-1", "true", '"hot"', "[]")
        ),
        ('{"temperature": "hot"}', "line 1: `temperature` is 'hot', but it must be a number"),
        ('{"random_seed": 1e400}', "line 1: `random_seed` is inf, but it must be an integer"),
        ('{"random_seed": -1}', "line 1: `random_seed` is -1"),
        ('{"max_time": Infinity}', "line 1: `max_time`: inf is not a duration"),
        ('{"max_time": ' + "9" * 400 + "}", "line 1: `max_time` is inf, but it must be above 0 and at most"),
        ('{"seed": NaN}', "line 1: `seed` is nan, but it must be a string"),
        (r'{"seed": "a\ud800"}', "line 1: `seed` has U+D800, a lone surrogate"),
        (r'{"prompt": "\udfffa"}', "line 1: `prompt` has U+DFFF, a lone surrogate"),
        (r'{"stop": ["a", "\udc00"]}', "line 1: `stop` has U+DC00, a lone surrogate"),
        ('{"stop": "a", "stops": ["b"]}', "line 1: `stop` and 'stops', which is another name of it, are both given"),
        ('{"stop": ["a", ""]}', "line 1: `stop` is empty"),
        ({"stop": [str(number) for number in range(10_000)]}, "line 1: `stop` has 10,000 texts of up to 4 characters"),
        ({"stop": "a" * 1_000_000}, "line 1: `stop` has 1 texts of up to 1,000,000 characters"),
        ({"seed": list(range(10_000))}, "line 1: `seed` is [0, 1, 2"),
        ({"a" * 10_000: 1}, "line 1: there is no setting 'aaa"),
        ('\n{"seed": 3}', "line 2: `seed` is 3"),
        ("\n", "holds no request"),
    ],
)
def test_invalid_request_is_named_by_its_line(tmp_path, line, message):
    with pytest.raises(SettingError) as error:
        read(tmp_path / "requests.jsonl", line)
    assert message in str(error.value)
    assert len(str(error.value)) < 300 + len(str(tmp_path))


def test_a_pair_of_surrogates_is_one_character(tmp_path):
    (request,) = read(tmp_path / "requests.jsonl", r'{"seed": "\ud83d\ude00"}')
    assert request.prompt == "\U0001f600"


def test_random_seeds_that_count_up_stay_in_range(tmp_path):
    with pytest.raises(SettingError, match=r"line 2: `random_seed` is 9223372036854775808"):
        read(tmp_path / "requests.jsonl", "{}", "{}", config=SamplingConfig(random_seed=2**63 - 1))
