"""A server that has answered many requests takes no more memory than before."""

import gc
import tracemalloc

import pytest

from tests.serving.test_hostile import wait_until

NUM_REQUESTS = 300
PROMPT = "hello " * 80
MAX_GROWTH = 400  # bytes for each request: to keep even its prompt takes more


@pytest.fixture
def traced():
    """Return a function that says how many bytes Python's objects and NumPy's arrays take."""

    def num_bytes():
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    yield num_bytes
    tracemalloc.stop()


@pytest.mark.parametrize("stream", [False, True])
def test_memory_stays_flat_over_many_requests(server, traced, stream):
    def ask(count):
        for number in range(count):
            length = 3 if number % 3 else 0  # of which every third is refused
            server.post(prompt=PROMPT, max_tokens=length, seed=number, logprobs=2, stream=stream)
        wait_until(server.is_idle)

    ask(50)
    before = traced()
    ask(NUM_REQUESTS)
    wait_until(lambda: (traced() - before) / NUM_REQUESTS < MAX_GROWTH)  # connections close a moment later
