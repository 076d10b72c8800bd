"""Completions are the texts that `charlstm generate` writes, in the shape of OpenAI's API."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GenerationJob
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model
from tests.serving.conftest import served


def generated(server, prompt, *, stops=(), num_samples=1, **settings):
    """The texts that `charlstm generate` writes with the same settings."""
    (model,) = server.models.values()
    request = Request(prompt, SamplingConfig(**settings), StopRules(stops=stops))
    job = GenerationJob([model.loaded], [request], unknown="error", num_samples=num_samples, is_batch=True)
    job.compile()
    return [text.text for text in job.texts()]


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        ({}, {}),
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 1.3, "top_p": 0.8}, {"temperature": 1.3, "top_p": 0.8}),
        ({"repetition_penalty": 1.5, "top_k": 5}, {"repetition_penalty": 1.5, "top_k": 5}),
        ({"stop": ["e", "\n"]}, {"stops": ("e", "\n")}),
    ],
)
def test_the_same_seed_gives_the_same_text_as_generate(server, asked, settings):
    status, answer = server.post(prompt="hello ", max_tokens=150, seed=7, **asked)
    (expected,) = generated(server, "hello ", length=150, random_seed=7, **settings)
    (choice,) = answer["choices"]
    assert (status, choice["text"]) == (200, expected)
    assert choice["finish_reason"] == ("length" if len(expected) == 150 else "stop")
    assert answer["usage"]["prompt_tokens"] == 6
    assert answer["usage"]["completion_tokens"] == len(expected)


def test_texts_that_grow_side_by_side_do_not_change_each_other(serve):
    """Some share their settings and their prompts, some do not, and they join while others are under way."""
    server = serve(max_waiting=100)
    asked = [
        {
            "prompt": "hello"[: number % 5],
            "max_tokens": 20 + 37 * number,
            "seed": number,
            "temperature": 0.5 + number % 3,
        }
        for number in range(24)
    ]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda one: server.post(**one), asked))
    for one, (status, answer) in zip(asked, answers, strict=True):
        (expected,) = generated(
            server, one["prompt"], length=one["max_tokens"], random_seed=one["seed"], temperature=one["temperature"]
        )
        assert (status, answer["choices"][0]["text"]) == (200, expected)


def test_several_texts_of_several_prompts(server):
    _, answer = server.post(prompt=["a", "b"], n=2, max_tokens=30, seed=5)
    expected = [text for prompt in "ab" for text in generated(server, prompt, length=30, random_seed=5, num_samples=2)]
    assert [choice["text"] for choice in answer["choices"]] == expected
    assert [(choice["index"], choice["seed"]) for choice in answer["choices"]] == [(0, 5), (1, 6), (2, 5), (3, 6)]


def test_a_seed_is_chosen_and_told(server):
    _, first = server.post(prompt="a", max_tokens=40)
    seed = first["choices"][0]["seed"]
    _, second = server.post(prompt="a", max_tokens=40, seed=seed)
    assert first["choices"][0]["text"] == second["choices"][0]["text"]


def test_the_prompt_can_be_echoed(server):
    _, answer = server.post(prompt="abc", max_tokens=5, seed=1, echo=True)
    assert answer["choices"][0]["text"] == "abc" + generated(server, "abc", length=5, random_seed=1)[0]


def test_without_a_prompt_a_text_begins_as_generate_begins_it(server):
    _, answer = server.post(max_tokens=30, seed=4)
    assert answer["choices"][0]["text"] == generated(server, None, length=30, random_seed=4)[0]


def events(server, **values):
    """The objects of a stream, without the last, which must be [DONE]."""
    connection = server.connect()
    connection.request("POST", "/v1/completions", json.dumps({"stream": True} | values))
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    *parts, done, rest = answer.read().decode().split("\n\n")
    connection.close()
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(part.removeprefix("data: ")) for part in parts]


def test_a_stream_has_the_same_text_in_pieces(server):
    asked = {"prompt": "ab", "max_tokens": 400, "seed": 3, "logprobs": 2, "stop": "zzz"}
    chunks = events(server, **asked)
    _, whole = server.post(**asked)
    (choice,) = whole["choices"]
    assert len(chunks) > 1
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == choice["text"]
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        joined = [value for chunk in chunks for value in chunk["choices"][0]["logprobs"][name]]
        assert joined == choice["logprobs"][name]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"][0]["finish_reason"] == choice["finish_reason"]


def test_a_stream_tells_the_usage_if_asked(server):
    *_, last = events(server, prompt="ab", max_tokens=10, n=2, stream_options={"include_usage": True})
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 20)


def test_logprobs_are_those_of_the_model(server):
    _, answer = server.post(prompt="ab", max_tokens=100, seed=3, logprobs=3, stop="c", temperature=0.3)
    (choice,) = answer["choices"]
    (model,) = server.models.values()
    request = Request("ab", SamplingConfig(length=100, random_seed=3, temperature=0.3), StopRules(stops=("c",)))
    job = GenerationJob([model.loaded], [request], unknown="error", is_batch=True)
    (text,) = job.texts(with_scores=True)
    assert choice["logprobs"]["tokens"] == list(text.text) == list(choice["text"])
    assert choice["logprobs"]["token_logprobs"] == pytest.approx(list(text.scores), abs=1e-5)
    assert all(len(top) == 3 for top in choice["logprobs"]["top_logprobs"])


def test_models_are_chosen_by_name(serve):
    models = {name: served(name, random_model(units=16, scale=scale)) for name, scale in (("one", 0.5), ("two", 0.9))}
    server = serve(models=models)
    texts = [server.post(prompt="a", seed=1, max_tokens=50, model=name)[1]["choices"][0]["text"] for name in models]
    assert texts[0] != texts[1]
    assert server.post(prompt="a", seed=1, max_tokens=50)[1]["choices"][0]["text"] == texts[0]
    assert [model["id"] for model in server.get("/v1/models")[1]["data"]] == ["one", "two"]
    assert server.get("/v1/models/two")[1]["id"] == "two"
    status, answer = server.post(prompt="a", model="three")
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert "<title>two</title>" in server.get("/?model=two")[1]


def test_a_network_without_a_page_still_writes(serve):
    model = replace(random_model(num_layers=1, units=16, window=8), training={})
    server = serve(models={"window": served("window", model)})
    assert server.get("/")[0] == 404
    assert server.post(prompt="a", max_tokens=5)[0] == 200


def test_health(server):
    assert server.get("/healthz") == (200, {"status": "ok", "texts": {"tiny": 0}})
