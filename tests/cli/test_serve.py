"""`charlstm serve`."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.test_startup import loaded_by


@contextmanager
def serving(*arguments):
    """Run a server in a process of its own; yield the process and its port."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    command = [sys.executable, "-m", "charlstm", "serve", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            yield process, int(address.rpartition(":")[2])
        finally:
            process.kill()


def ask(port, **values):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/v1/completions", json.dumps(values))
    return connection.getresponse()


def test_a_signal_lets_texts_finish_and_ends_the_process(charlstm, run):
    expected = charlstm("generate", "tiny", "--seed", "a", "--length", 300, "--random-seed", 4, "--no-echo")[1]
    with serving() as (process, port):
        answer = json.load(ask(port, prompt="a", max_tokens=300, seed=4))
        assert answer["model"] == "tiny"
        assert answer["choices"][0]["text"] == expected.removesuffix("\n")
        stream = ask(port, prompt="a", max_tokens=20_000, stream=True)
        stream.readline()
        process.send_signal(signal.SIGTERM)
        assert stream.read().endswith(b"data: [DONE]\n\n")
        assert process.wait(20) == -signal.SIGTERM
        assert process.stderr
        error = process.stderr.read()
        assert "the newest run: runs/tiny" in error
        assert "Traceback" not in error


def test_the_name_of_another_machine_is_refused(run):
    with serving("tiny") as (_, port):
        for host, status in (("localhost", 200), ("evil.example", 421)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/healthz", headers={"Host": host})
            assert connection.getresponse().status == status


def test_texts_that_take_too_long_are_cut_off_at_the_end(run):
    with serving("tiny", "--max-length", 100_000_000) as (process, port):
        stream = ask(port, prompt="a", max_tokens=100_000_000, stream=True)
        stream.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr
        assert "Traceback" not in process.stderr.read()


def test_errors_say_what_to_give(charlstm, run, monkeypatch):
    pytest.importorskip("uvicorn")
    code, out, err = charlstm("serve", "nowhere")
    assert (code, out) == (1, "")
    code, _, err = charlstm("serve", "tiny", "--token", "")
    assert (code, "--token is empty" in err) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, out, err = charlstm("serve", "tiny", "--port", other.getsockname()[1])
    assert (code, out) == (2, "")
    assert "--port" in err


def test_two_models_of_one_name_are_refused(charlstm, run):
    pytest.importorskip("uvicorn")
    code, _, err = charlstm("serve", "tiny", "runs/tiny/model.safetensors")
    assert (code, "two models are named tiny" in err) == (2, True)


def test_the_extra_is_named_where_it_is_missing(charlstm, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, out, err = charlstm("serve", "tiny")
    assert (code, out) == (1, "")
    assert "pip install 'charlstm[serve]'" in err


def test_it_needs_no_tensorflow(run):
    pytest.importorskip("uvicorn")
    loaded = loaded_by("import charlstm.serving.app, charlstm.serving.models, charlstm.serving.server; print()")
    assert not loaded & {"tensorflow", "keras"}
