"""Malformed, oversized and slow requests, and clients that go away, are answered or cut off."""

import base64
import json
import socket
import time
from contextlib import suppress

import pytest

from tests.conftest import random_model
from tests.serving.conftest import served

COMPLETIONS = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"


def wait_until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def talk(server, data):
    """Send bytes, and return all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as client:
        client.sendall(data)
        answer = b""
        while part := client.recv(1 << 16):
            answer += part
        return answer


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b"[1]", "must be an object"),
        (b'{"prompt": "a", "prompt": "b"}', "twice"),
        (b"[" * 5000, "nested"),
        (b'{"prompt": [1, 2]}', "`prompt`"),
        (b'{"prompt": []}', "`prompt`"),
        (b'{"prompt": "\\ud800"}', "surrogate"),
        (b'{"max_tokens": 0}', "`max_tokens` is 0"),
        (b'{"max_tokens": 999999999}', "`max_tokens`"),
        (b'{"max_tokens": true}', "`max_tokens`"),
        (b'{"temperature": NaN}', "NaN"),
        (b'{"temperature": -1}', "`temperature` is -1"),
        (b'{"top_p": 0}', "`top_p`"),
        (b'{"n": 1000}', "`n`"),
        (b'{"seed": -1}', "`seed`"),
        (b'{"stop": ""}', "`stop`"),
        (b'{"logprobs": 50}', "`logprobs`"),
        (b'{"echo": true, "logprobs": 1}', "`echo`"),
        (b'{"best_of": 3}', "`best_of`"),
        (b'{"output": "/etc/passwd"}', "no parameter 'output'"),
        (b'{"unknown": "guess"}', "`unknown`"),
        (b'{"prompt": "/etc/passwd\\u0000"}', "does not know"),
        (json.dumps({"prompt": "e" + "\u0301" * 5000}).encode(), "combining marks"),
        (json.dumps({"prompt": "a" * 20_001}).encode(), "`prompt`"),
    ],
)
def test_a_malformed_request_is_told_what_is_wrong(server, body, message):
    status, answer = server.send("POST", "/v1/completions", body)
    assert status == 400
    assert message in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"
    assert server.is_idle()
    assert server.messages == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/?model=/etc/passwd", 404),
        ("GET", "/v1/completions", 405),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_other_paths_and_methods(server, method, path, status):
    found, answer = server.send(method, path, None)
    assert (found, list(answer)) == (status, ["error"])


def test_a_large_body_is_refused_before_it_is_read(server):
    answer = talk(server, COMPLETIONS + b"Content-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_large_body_of_unknown_length_is_refused(server):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as client:
        client.sendall(COMPLETIONS + b"Transfer-Encoding: chunked\r\n\r\n")
        with suppress(BrokenPipeError, ConnectionResetError):  # it answers and hangs up while the body comes
            for _ in range(25):
                client.sendall(chunk)
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_what_is_no_http_is_refused(server):
    assert talk(server, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert talk(server, b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", COMPLETIONS])
def test_a_client_that_sends_no_request_is_cut_off(serve, monkeypatch, sent):
    monkeypatch.setattr("charlstm.serving.server.HEAD_TIMEOUT", 0.2)
    server = serve()
    with suppress(ConnectionResetError):
        assert talk(server, sent) == b""


def test_a_body_that_does_not_come_is_not_waited_for(serve, monkeypatch):
    monkeypatch.setattr("charlstm.serving.app.BODY_TIMEOUT", 0.2)
    assert talk(serve(), COMPLETIONS + b'Content-Length: 50\r\n\r\n{"prom').startswith(b"HTTP/1.1 408")


def begin(server, **values):
    client = socket.create_connection(("127.0.0.1", server.port), timeout=15)
    body = json.dumps(values).encode()
    client.sendall(COMPLETIONS + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return client


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_stops_its_work(serve, stream):
    server = serve(max_length=10_000_000)
    client = begin(server, prompt="a", max_tokens=10_000_000, stream=stream)
    wait_until(lambda: not server.is_idle())
    client.close()
    wait_until(server.is_idle)
    assert server.post(prompt="a", max_tokens=5)[0] == 200


def test_a_client_that_does_not_read_is_cut_off(serve, monkeypatch):
    monkeypatch.setattr("charlstm.serving.server.WRITE_TIMEOUT", 0.2)
    server = serve(max_length=10_000_000)
    with begin(server, prompt="a", max_tokens=10_000_000, stream=True, logprobs=20):
        wait_until(lambda: not server.is_idle())
        wait_until(server.is_idle)


def test_too_many_waiting_texts_are_sent_away(serve):
    model = {"tiny": served("tiny", random_model(units=16), max_waiting=2)}
    server = serve(models=model, max_length=10_000_000)
    with begin(server, prompt="a", max_tokens=10_000_000, n=64), begin(server, prompt="a", max_tokens=10_000_000, n=2):
        wait_until(lambda: model["tiny"].worker.num_open == 66)
        connection = server.connect()
        connection.request("POST", "/v1/completions", b'{"prompt": "a"}')
        answer = connection.getresponse()
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        connection.close()
    wait_until(server.is_idle)


def test_a_failure_is_told_and_the_next_text_is_written(serve, monkeypatch):
    server = serve()
    worker = server.models["tiny"].worker
    with monkeypatch.context() as patch:
        patch.setattr(worker._model, "read", lambda *_: 1 / 0)
        status, answer = server.post(prompt="a", max_tokens=5)
    assert (status, answer["error"]["type"]) == (500, "server_error")
    assert server.post(prompt="a", max_tokens=5)[0] == 200


def test_only_the_token_lets_in(serve):
    server = serve(token="s\u00e9cret")  # noqa: S106
    assert server.get("/healthz")[0] == 200
    right = "s\u00e9cret".encode()
    basic = base64.b64encode(b"anyone:" + right).decode()
    assert server.get("/v1/models", Authorization=b"Bearer " + right)[0] == 200
    assert server.get("/", Authorization=f"Basic {basic}")[0] == 200
    for wrong in ("", "Bearer", "Bearer other", "Basic !", "Bearer s\u00e9cre", "s\u00e9cret"):
        assert server.get("/v1/models", Authorization=wrong)[0] == 401
    assert server.get("/")[0] == 401


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("127.0.0.1:8000", True),
        ("127.1.2.3", True),
        ("[::1]:8000", True),
        ("localhost", True),
        ("LocalHost:8000", True),
        ("my-machine:8000", True),
        ("evil.example", False),
        ("evil.example:8000", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("192.168.1.5", False),
        ("0.0.0.0", False),  # noqa: S104
        ("[::1", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models", "/v1/nothing"])
def test_only_names_of_this_machine_are_answered(serve, host, is_answered, path):
    server = serve(only_host="My-Machine")
    status, answer = server.get(path, Host=host)
    assert (status != 421) == is_answered
    if not is_answered:
        assert f"not as {host!r}" in answer["error"]["message"]


def test_a_completion_under_another_name_is_not_begun(server):
    status, _ = server.send("POST", "/v1/completions", b'{"prompt": "a"}', Host="evil.example")
    assert (status, server.is_idle()) == (421, True)


def test_a_request_without_a_host_is_answered(server):
    assert talk(server, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_server_that_others_reach_does_not_know_its_names(serve):
    assert serve(only_host=None).get("/healthz", Host="models.example")[0] == 200


def test_answers_do_not_wait_for_acknowledgements():
    pytest.importorskip("uvicorn")
    from charlstm.serving.server import listen

    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
