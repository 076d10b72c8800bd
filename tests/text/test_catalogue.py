"""Names of texts, and downloads from a local server that fails in every way."""

import hashlib
import http.server
import threading
import time

import pytest

from charlstm.errors import CorpusError
from charlstm.text import catalogue
from charlstm.text.catalogue import (
    Entry,
    fetch,
    find_entry,
    find_fetched,
    find_named_text,
    relocate_shipped_text,
    shipped_texts,
)

TEXT = b"Once upon a time.\n" * 100


class FailingHandler(http.server.BaseHTTPRequestHandler):
    """Answers in the way that the path asks for: a status, `cut`, `slow` or `endless`."""

    def do_GET(self):
        behaviour = self.path.strip("/").removesuffix(".txt")
        if behaviour.isdigit():
            self.send_error(int(behaviour))
            return
        self.send_response(200)
        if behaviour != "endless":
            self.send_header("Content-Length", str(len(TEXT)))
        self.end_headers()
        try:
            if behaviour == "cut":
                self.wfile.write(TEXT[:100])
            elif behaviour == "slow":
                self.wfile.write(TEXT[:100])
                self.wfile.flush()
                time.sleep(3)
            elif behaviour == "endless":
                while True:
                    self.wfile.write(TEXT * 100)
            else:
                self.wfile.write(TEXT)
        except OSError:
            pass  # the client has closed the connection, as it should

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FailingHandler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


class RecordingBar:
    total = 0

    def __init__(self):
        self.size = 0

    def update(self, size):
        self.size += size

    def reset(self):
        self.size = 0

    def close(self):
        pass


def test_text_is_fetched_checked_and_kept(server, tmp_path):
    progress = RecordingBar()
    entry = Entry("tale", "A tale", f"{server}/tale.txt", hashlib.sha256(TEXT).hexdigest())
    path = fetch(entry, tmp_path, progress)
    assert path.read_bytes() == TEXT
    assert progress.total == len(TEXT)
    assert find_fetched("tale", tmp_path) == path
    assert fetch(Entry("tale", "A tale", "http://127.0.0.1:9/tale", entry.sha256), tmp_path, RecordingBar()) == path


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("404", "answered 404"),
        ("500", "answered 500"),
        ("cut", "broke off"),
        ("slow", "broke off"),
        ("endless", "larger than 1,000,000 bytes"),
    ],
)
def test_failed_download_is_one_error_and_leaves_nothing(server, tmp_path, monkeypatch, behaviour, message):
    monkeypatch.setattr(catalogue, "TIMEOUT", 0.5)
    with pytest.raises(CorpusError, match=message):
        fetch(Entry("tale", "A tale", f"{server}/{behaviour}.txt"), tmp_path, RecordingBar(), max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_wrong_digest_is_refused(server, tmp_path):
    with pytest.raises(CorpusError, match="has another SHA-256 than 0000"):
        fetch(Entry("tale", "A tale", f"{server}/tale.txt", "0" * 64), tmp_path, RecordingBar())
    assert list(tmp_path.iterdir()) == []


def test_unreachable_server_is_reported(tmp_path):
    with pytest.raises(CorpusError, match="cannot be reached"):
        fetch(Entry("tale", "A tale", "http://127.0.0.1:9/tale.txt"), tmp_path, RecordingBar())


def test_entry_is_found_by_name_or_address():
    assert find_entry("alice").url.endswith("/11/pg11.txt")
    assert find_entry("https://example.org/a/../.tale.txt?x=1").file_name.startswith("tale-")
    assert find_entry("https://a.org/x.txt").name != find_entry("https://b.org/x.txt").name
    with pytest.raises(CorpusError, match="'nobody'"):
        find_entry("nobody")


@pytest.mark.parametrize("name", ["macbeth", "macbeth.txt"])
def test_bare_name_names_a_shipped_text(name):
    assert find_named_text(name) == shipped_texts()["macbeth.txt"]


@pytest.mark.parametrize(
    "path", ["no/such/folder/macbeth.txt", "./macbeth.txt", "../macbeth", "/macbeth.txt", "MACBETH.TXT", "macbeth.md"]
)
def test_path_or_another_spelling_names_no_text(path):
    assert find_named_text(path) is None


def test_bare_name_names_a_fetched_text(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    (tmp_path / "alice.txt").write_text("down")
    assert find_named_text("alice") == tmp_path / "alice.txt"
    assert find_named_text("./alice") is None
    assert find_named_text(f"{tmp_path}/alice") is None


def test_shipped_text_of_an_installation_that_is_gone_is_found_in_this_one(tmp_path):
    here = str(shipped_texts()["macbeth.txt"])
    assert relocate_shipped_text("/gone/python3.11/site-packages/charlstm/data/macbeth.txt") == here
    assert relocate_shipped_text(here) == here


def test_no_other_path_is_relocated(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "macbeth.txt").write_text("mine")
    for path in (f"{tmp_path}/data/macbeth.txt", "/gone/macbeth.txt", "/gone/data/other.txt", "-"):
        assert relocate_shipped_text(path) == path
