"""The official client of OpenAI's API understands the server."""

import pytest

openai = pytest.importorskip("openai")


@pytest.fixture
def client(serve):
    server = serve(token="secret")  # noqa: S106
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="secret", max_retries=0) as client:
        yield client


def test_plain_and_streamed_completions_are_the_same(client):
    asked = {"model": "tiny", "prompt": "hello ", "max_tokens": 300, "seed": 2, "temperature": 0.8}
    whole = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True))
    assert len(whole.choices[0].text) == whole.usage.completion_tokens == 300
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert (whole.choices[0].finish_reason, chunks[-1].choices[0].finish_reason) == ("length", "length")


def test_logprobs(client):
    answer = client.completions.create(model="tiny", prompt="a", max_tokens=10, n=2, logprobs=2)
    for choice in answer.choices:
        assert "".join(choice.logprobs.tokens) == choice.text
        assert len(choice.logprobs.token_logprobs) == len(choice.logprobs.top_logprobs) == 10


def test_models(client):
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_errors_are_those_that_the_client_knows(client):
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        client.completions.create(model="tiny", prompt="a", max_tokens=0)
    with pytest.raises(openai.BadRequestError, match=r"U\+0041"):
        client.completions.create(model="tiny", prompt="A")
    assert client.completions.create(model="tiny", prompt="A", extra_body={"unknown": "nearest"}).choices
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="other", prompt="a")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").models.list()
