"""Requests that come one by one get the answers that they get together."""

import pytest

from charlstm.config import SamplingConfig
from charlstm.errors import GenerationError, SettingError, VocabularyError
from charlstm.generation.answers import Failure, answer_requests
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GeneratedText, GenerationJob
from charlstm.generation.line_filter import LineFilter
from charlstm.generation.load import LoadedModel
from charlstm.generation.requests import StreamedRequest
from charlstm.generation.stopping import StopRules
from tests.conftest import random_model

FILTERS = [dict, lambda: {"unique": True}, lambda: {"known": {"a", "b", "ab"}}]


def make_job(tmp_path, line_filter=None, **settings):
    model = random_model(characters="\nab", scale=0.8)  # writes short lines
    models = [LoadedModel(tmp_path / "model.safetensors", model)]
    return GenerationJob(models, [], is_batch=True, line_filter=line_filter, **{"unknown": "error"} | settings)


def lines_to_answer(count, *, prompt="", length=6):
    configs = [SamplingConfig(length=length, random_seed=seed) for seed in range(count)]
    rules = StopRules(lines=1)
    return [StreamedRequest(number, Request(prompt, config, rules)) for number, config in enumerate(configs, start=1)]


@pytest.mark.parametrize("settings", FILTERS, ids=["no filter", "unique", "new"])
@pytest.mark.parametrize("must_filter", [True, False])
def test_answers_do_not_depend_on_which_requests_come_together(tmp_path, settings, must_filter):
    streamed = lines_to_answer(12)
    groupings = [[streamed], [[one] for one in streamed], [streamed[:5], [], streamed[5:]]]
    found = []
    for arrivals in groupings:
        line_filter = LineFilter(**settings()) if settings() else None
        answers = answer_requests(make_job(tmp_path, line_filter, must_filter=must_filter), arrivals)
        found.append([getattr(answer, "text", None) for answer in answers])
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 12


def test_a_line_without_a_text_does_not_keep_others_from_theirs(tmp_path):
    streamed = lines_to_answer(3)
    streamed[0] = StreamedRequest(1, SettingError("not JSON"))
    streamed[1] = StreamedRequest(2, Request("x", SamplingConfig()))
    *failures, third = answer_requests(make_job(tmp_path), [streamed])
    errors = [(one.line, type(one.error)) for one in failures if isinstance(one, Failure)]
    assert errors == [(1, SettingError), (2, VocabularyError)]
    assert isinstance(third, GeneratedText)


def test_a_text_that_the_filter_always_refuses_is_a_failure(tmp_path):
    job = make_job(tmp_path, LineFilter(known={"a", "b", "aa", "ab", "ba", "bb"}))
    refused, written = answer_requests(job, [lines_to_answer(1, length=2), lines_to_answer(1, length=9)])
    assert isinstance(refused, Failure)
    assert isinstance(refused.error, GenerationError)
    assert isinstance(written, GeneratedText)


def test_requests_are_answered_before_further_ones_come(tmp_path):
    job, streamed = make_job(tmp_path), lines_to_answer(2)

    def arrivals():
        yield streamed[:1]
        assert len(received) == 1
        yield streamed[1:]

    received = []
    for answer in answer_requests(job, arrivals()):
        received.append(answer)
    assert len(received) == 2
