"""Downloads from a local server that fails in every way."""

import gzip
import hashlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import pytest

from charlstm.errors import CorpusError
from charlstm.text import download as module
from charlstm.text.download import download

TEXT = b"Once upon a time.\n" * 100
PAGE = b"\n<!DOCTYPE html><html>Please log in</html>"
DRIP_INTERVAL = 0.05  # seconds


STOPPED = threading.Event()  # ends the answers that would not end
BOTH_ASK = threading.Barrier(2)


class FailingHandler(http.server.BaseHTTPRequestHandler):
    """Answers in the way that the path asks for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        behaviour = self.path.strip("/").removesuffix(".txt")
        self.close_connection = True
        try:
            if behaviour.isdigit():
                self.send_error(int(behaviour))
            else:
                getattr(self, behaviour.replace("-", "_").partition(".")[0])()
        except OSError:
            pass  # the client has closed the connection, as it should

    def answer(self, body, **headers):
        self.send_response(200)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def tale(self):
        self.answer(TEXT)

    def tale_for_two(self):
        BOTH_ASK.wait(10)
        self.answer(TEXT)

    def compressed(self):
        self.answer(gzip.compress(TEXT), Content_Encoding="gzip")

    def empty(self):
        self.answer(b"")

    def page(self):
        self.answer(PAGE)

    def cut(self):
        self.answer(TEXT, Content_Length=str(len(TEXT) + 1))

    def cut_chunk(self):
        self.answer(b"%x\r\n%s" % (len(TEXT) + 1, TEXT), Transfer_Encoding="chunked", Content_Length="0")

    def announced_large(self):
        self.answer(b"x" * 2_000_000)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(TEXT * 100)

    def bomb(self):
        self.answer(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")

    def silent(self):
        STOPPED.wait(10)

    def drip(self):
        self.answer(b"", Content_Length="1000000")
        self.write_slowly(b"x")

    def drip_chunks(self):
        self.answer(b"", Transfer_Encoding="chunked", Content_Length="0")
        self.write_slowly(b"1\r\nx\r\n")

    def drip_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.write_slowly(b"a: b\r\n")

    def write_slowly(self, piece):
        while not STOPPED.wait(DRIP_INTERVAL):
            self.wfile.write(piece)

    def moved(self):
        self.redirect("/tale.txt")

    def circle(self):
        self.redirect("/circle.txt")

    def to_file(self):
        self.redirect("file:///etc/passwd")

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FailingHandler) as httpd:
        httpd.daemon_threads = True
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        STOPPED.set()
        httpd.shutdown()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class RecordingBar:
    total = 0

    def __init__(self):
        self.size = 0

    def update(self, size):
        self.size += size


@pytest.mark.parametrize(("behaviour", "total"), [("tale", len(TEXT)), ("moved", len(TEXT)), ("compressed", None)])
def test_file_is_downloaded_and_checked(server, tmp_path, behaviour, total):
    progress, path = RecordingBar(), tmp_path / "tale.txt"
    download(f"{server}/{behaviour}.txt", path, progress, sha256=hashlib.sha256(TEXT).hexdigest(), max_bytes=10_000)
    assert path.read_bytes() == TEXT
    assert progress.size == len(TEXT)
    assert total in (None, progress.total)


def test_page_is_a_text_where_a_page_is_asked_for(server, tmp_path):
    download(f"{server}/page.html", tmp_path / "page.txt", RecordingBar(), sha256=None, max_bytes=10_000)
    assert (tmp_path / "page.txt").read_bytes() == PAGE


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("404", "answered 404 Not Found"),
        ("500", "answered 500"),
        ("204", "answered 204"),
        ("empty", "is empty"),
        ("page", "answered with a web page"),
        ("cut", "broke off"),
        ("cut-chunk", "broke off"),
        ("announced-large", "larger than 1,000,000 bytes"),
        ("endless", "larger than 1,000,000 bytes"),
        ("bomb", "larger than 1,000,000 bytes"),
        ("circle", "more than 10 redirects"),
        ("to-file", "not valid"),
        ("tale", "has the SHA-256"),
    ],
)
def test_failed_download_is_one_error_and_leaves_the_old_file(server, tmp_path, behaviour, message):
    path = tmp_path / "tale.txt"
    path.write_text("old")
    with pytest.raises(CorpusError, match=message) as caught:
        download(f"{server}/{behaviour}.txt", path, RecordingBar(), sha256="0" * 64, max_bytes=1_000_000)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


@pytest.mark.parametrize("behaviour", ["silent", "drip", "drip-chunks", "drip-headers"])
def test_slow_server_is_given_up(server, tmp_path, monkeypatch, behaviour):
    monkeypatch.setattr(module, "TIMEOUT", 0.4)
    with pytest.raises(CorpusError, match=r"too slow|does not answer"):
        download(f"{server}/{behaviour}.txt", tmp_path / "t", RecordingBar(), sha256=None, max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def fail_to_resolve(*arguments, **settings):
    raise socket.gaierror(-2, "Name or service not known")


def explain(url, tmp_path):
    with pytest.raises(CorpusError) as caught:
        download(url, tmp_path / "tale.txt", RecordingBar(), sha256=None, max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value), caught.value.hint


def test_unreachable_server_is_explained(server, tmp_path, monkeypatch):
    assert "127.0.0.1:9 cannot be reached" in explain("http://127.0.0.1:9/tale.txt", tmp_path)[0]
    message, hint = explain(server.replace("http", "https") + "/tale.txt", tmp_path)
    assert "the TLS connection to 127.0.0.1:" in message
    assert "certificates" in hint
    assert "not valid" in explain("http://[::1/tale.txt", tmp_path)[0]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert "HTTP_PROXY" in explain("http://example.org/tale.txt", tmp_path)[1]
    monkeypatch.delenv("http_proxy")
    monkeypatch.setattr(socket, "getaddrinfo", fail_to_resolve)
    assert "there is no server example.org" in explain("http://example.org/tale.txt", tmp_path)[0]


@pytest.mark.parametrize("target", ["http://example.org/tale.txt", "ftp://example.org/tale.txt"])
def test_redirect_away_from_encryption_is_refused(target):
    class Session:
        def get(self, url, **settings):
            assert url == "https://example.org/tale.txt", "the other address must not be asked"
            return types.SimpleNamespace(close=lambda: None)

        def get_redirect_target(self, response):
            return target

        def close(self):
            pass

    with pytest.raises(CorpusError, match="not encrypted"):
        module._open(Session(), "https://example.org/tale.txt")


def test_two_processes_download_the_same_file(server, tmp_path):
    code = f"""
from charlstm.cli.commands.corpus import download_bar
from charlstm.text.catalogue import Entry, fetch
from pathlib import Path
with download_bar("tale") as bar:
    fetch(Entry("tale", "A tale", {server + "/tale-for-two.txt"!r}), Path({str(tmp_path)!r}), bar)
"""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [TEXT]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_download_leaves_nothing(server, tmp_path, number):
    command = [sys.executable, "-m", "charlstm", "corpus", "fetch", f"{server}/drip.txt"]
    environment = os.environ | {"CHARLSTM_CACHE": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)  # until it waits for the server: the file may just have been made
    process.send_signal(number)
    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
