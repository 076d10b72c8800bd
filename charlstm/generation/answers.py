"""Answer requests as they come, for a program that keeps one process and waits for each answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from charlstm.errors import CharLSTMError
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GeneratedText, GenerationJob
from charlstm.generation.requests import StreamedRequest


@dataclass(frozen=True)
class Failure:
    """The answer to a line that got no text."""

    line: int  # its number, from 1
    error: CharLSTMError


def answer_requests(
    job: GenerationJob, arrivals: Iterable[Sequence[StreamedRequest]], *, with_scores: bool = False
) -> Iterator[GeneratedText | Failure]:
    """Yield one answer for each request, in order. Those that have come together are generated side by side."""
    for arrived in arrivals:
        start = 0
        while window := arrived[start : start + job.num_side_by_side]:  # which grows if a filter is given up
            yield from _answer_window(job, window, with_scores=with_scores)
            start += len(window)


def _answer_window(
    job: GenerationJob, window: Sequence[StreamedRequest], *, with_scores: bool
) -> Iterator[GeneratedText | Failure]:
    valid = [one.request for one in window if isinstance(one.request, Request)]
    answers = iter(job.answer(valid, with_scores=with_scores))
    for one in window:
        answer = next(answers) if isinstance(one.request, Request) else one.request
        yield Failure(one.line, answer) if isinstance(answer, CharLSTMError) else answer
