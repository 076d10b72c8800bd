import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import VocabularyError
from charlstm.generation import jobs
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GenerationJob, repeat_request
from charlstm.generation.line_filter import LineFilter
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model


@pytest.fixture
def models(tmp_path):
    return [LoadedModel(tmp_path / "model.safetensors", random_model())]


def test_repeated_requests_count_the_random_seed_up():
    requests = list(repeat_request(Request("ab", SamplingConfig(random_seed=7)), 3))
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


def test_without_a_prompt_a_text_begins_like_a_line_and_with_an_empty_one_on_a_new_line(models):
    models[0].model.training["openings"] = ["the quick", "over"]
    job = GenerationJob(models, [Request(None, SamplingConfig(length=1))], unknown="nearest", num_samples=20)
    sources = [text.source for text in job.texts()]
    assert {one.prompt for one in sources} == {"the quick", "over"}
    assert all(one.request.starts_line for one in sources)
    (empty,) = GenerationJob(models, [Request("", SamplingConfig())], unknown="nearest").prepared
    assert (empty.prompt, empty.request.prompt) == ("", "")


@pytest.mark.parametrize("openings", [["anna\nbo\n"], ["anna", "bo", "cy", "di", "ed", "flo", "gus", "hal"]])
@pytest.mark.parametrize("prompt", [None, ""])
def test_text_of_a_list_begins_after_lines_that_are_not_shown(models, openings, prompt):
    models[0].model.training["openings"] = openings
    (one,) = GenerationJob(models, [Request(prompt, SamplingConfig())], unknown="nearest").prepared
    assert one.prompt == ""
    assert (one.request.prompt or "").endswith("\n")
    assert len(one.request.prompt or "") > 2


class OneName:
    """Knows all lines but one."""

    def __contains__(self, line):
        return line.strip() != "ab"


def spelling_models(tmp_path):
    """Return a model that writes short lines of a and b."""
    model = random_model(characters="\nab", scale=0.8)
    return [LoadedModel(tmp_path / "model.safetensors", model)]


RULES = StopRules(lines=1)


def lines_of(tmp_path, request, **settings):
    job = GenerationJob(spelling_models(tmp_path), [request], unknown="nearest", **settings)
    return job, [text.text for text in job.texts()]


def test_known_lines_are_left_out_and_other_random_seeds_are_tried(tmp_path):
    request = Request("", SamplingConfig(length=50, random_seed=5), RULES)
    _, plain = lines_of(tmp_path, request, num_samples=40)
    known = {line.strip() for line in plain if 0 < len(line.strip()) < 3}
    job, new = lines_of(tmp_path, request, num_samples=40, line_filter=LineFilter(known=known))
    assert len(new) == job.num_generated == 40
    assert known
    assert not {*known, ""} & {line.strip() for line in new}
    assert new == lines_of(tmp_path, request, num_samples=40, line_filter=LineFilter(known=known))[1]
    unchanged = [index for index, line in enumerate(plain) if line.strip() not in {*known, ""}]
    assert [new[index] for index in unchanged] == [plain[index] for index in unchanged]


def test_line_that_continues_the_prompt_is_compared_with_the_prompt(tmp_path):
    request = Request("a", SamplingConfig(length=50, random_seed=5), RULES)
    _, found = lines_of(tmp_path, request, num_samples=3, line_filter=LineFilter(known=OneName()))
    assert [text.strip() for text in found] == ["b"] * 3


def test_repeated_lines_are_left_out_until_there_are_no_others(tmp_path):
    request = Request("", SamplingConfig(length=3, random_seed=5), RULES)
    job, found = lines_of(tmp_path, request, num_samples=200, line_filter=LineFilter(unique=True))
    assert len(set(map(str.strip, found))) == len(found) == job.num_generated < 20


def test_default_filter_gives_up_rather_than_to_write_nothing(tmp_path):
    class Everything:
        def __contains__(self, line):
            return True

    request = Request("", SamplingConfig(length=3, random_seed=5), RULES)
    line_filter = LineFilter(known=Everything())
    job, found = lines_of(tmp_path, request, num_samples=5, line_filter=line_filter, must_filter=False)
    assert job.has_given_up_filter
    assert found == lines_of(tmp_path, request, num_samples=5)[1]
    job, found = lines_of(tmp_path, request, num_samples=5, line_filter=line_filter)
    assert (found, job.num_generated, len(job)) == ([], 0, 5)


@pytest.mark.parametrize("prompt", ["", "a", "ab\n"])
@pytest.mark.parametrize("rules", [StopRules(), StopRules(lines=3), StopRules(stops=("ba",))])
def test_streamed_text_is_the_text_of_a_batch(tmp_path, prompt, rules):
    request = Request(prompt, SamplingConfig(length=60, random_seed=2), rules)

    def make_job():
        line_filter = LineFilter(known={"a", "b", "ab"}, unique=True)
        return GenerationJob(spelling_models(tmp_path), [request], unknown="nearest", line_filter=line_filter)

    streamed = "".join(make_job().stream(echo=False))
    (text,) = make_job().texts(with_scores=True)
    assert streamed == text.text
    assert len(text.scores) == len(text.text)


def test_a_million_samples_start_at_once(models):
    job = GenerationJob(models, [Request("a", SamplingConfig(length=1))], unknown="nearest", num_samples=10**9)
    assert len(job) == 10**9
    assert len(next(iter(job.texts())).text) == 1


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
