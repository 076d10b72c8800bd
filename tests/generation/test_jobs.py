import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import VocabularyError
from charlstm.generation import jobs
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GenerationJob, repeat_request
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model


@pytest.fixture
def models(tmp_path):
    return [LoadedModel(tmp_path / "model.safetensors", random_model())]


def test_repeated_requests_count_the_random_seed_up():
    requests = repeat_request(Request("ab", SamplingConfig(random_seed=7)), 3)
    assert [request.config.random_seed for request in requests] == [7, 8, 9]
    assert {request.prompt for request in requests} == {"ab"}


def test_unknown_characters_are_replaced_or_skipped(models):
    requests = [Request("\u00c9%a", SamplingConfig()), Request("b&", SamplingConfig())]
    job = GenerationJob(models, requests, unknown="nearest")
    assert job.changes == {"\u00c9": "e", "%": "", "&": ""}
    assert [one.request.prompt for one in job.prepared] == ["ea", "b"]
    assert [one.prompt for one in job.prepared] == ["\u00c9%a", "b&"]
    with pytest.raises(VocabularyError):
        GenerationJob(models, requests, unknown="error")


def test_empty_prompt_becomes_the_start_of_a_line(models):
    models[0].model.training["openings"] = ["the quick", "over"]
    job = GenerationJob(models, repeat_request(Request("", SamplingConfig()), 20), unknown="nearest")
    assert {one.prompt for one in job.prepared} == {"the quick", "over"}
    assert all(one.request.starts_line for one in job.prepared)


def test_compiled_code_is_for_long_texts_long_prompts_and_batches(models):
    def needs_compiling(prompt, length, **settings):
        requests = [Request(prompt, SamplingConfig(length=length))]
        return GenerationJob(models, requests, unknown="nearest", **settings).needs_compiling

    assert not needs_compiling("a", jobs.MAX_UNCOMPILED_LENGTH)
    assert needs_compiling("a", jobs.MAX_UNCOMPILED_LENGTH + 1)
    assert not needs_compiling("a" * jobs.MAX_UNCOMPILED_PROMPT, 1)
    assert needs_compiling("a" * (jobs.MAX_UNCOMPILED_PROMPT + 1), 1)
    assert needs_compiling("a", 1, is_batch=True)


def test_search_finds_the_most_probable_texts_first(models):
    job = GenerationJob(models, [Request("ab", SamplingConfig(length=6))], unknown="nearest")
    totals = [sum(found.scores) for found in job.search(20, 3)]
    assert len(totals) == 3
    assert totals == sorted(totals, reverse=True)


def test_stop_strings_are_spelled_as_the_model_writes(tmp_path):
    models = [LoadedModel(tmp_path / "model.safetensors", random_model(characters="abc\u00e9", lowercase=True))]
    rules = StopRules(stops=("BE\u0301",))
    job = GenerationJob(models, [Request("a", SamplingConfig(), rules)], unknown="nearest")
    assert job.prepared[0].request.rules.stops == ("b\u00e9",)
