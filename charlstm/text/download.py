"""Download a file over HTTP as a whole, in bounded time and space, or not at all."""

import contextlib
import hashlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from charlstm.atomic_files import open_atomically
from charlstm.errors import CorpusError

BLOCK_SIZE = 16 << 10  # bytes
TIMEOUT = 30.0  # seconds in which an answer and each block must arrive: the server sends half a kilobyte a second
MAX_REDIRECTS = 10
MAX_QUEUED_BLOCKS = 64
HEADERS = {"Accept-Encoding": "identity"}  # not compressed, so that the size is known
HTML_STARTS = (b"<!doctype html", b"<html")


class ProgressBar(Protocol):
    """Shows the progress of a download in bytes."""

    total: int

    def update(self, size: int) -> None: ...


def download(url: str, path: Path, progress: ProgressBar, *, sha256: str | None, max_bytes: int) -> None:
    """Download a file, and check its SHA-256 if that is known. An existing file is only replaced at the end.

    Raises CorpusError, and leaves nothing behind, if the download fails, is too slow, too large, or a web page.
    """
    digest, size = hashlib.sha256(), 0
    with open_atomically(path) as file:
        for block in _blocks(url, progress):
            if size == 0:
                _check_is_text(url, block)
            size += len(block)
            if size > max_bytes:
                raise CorpusError(f"{url} is larger than {max_bytes:,} bytes", hint="check the address")
            digest.update(block)
            file.write(block)
            progress.update(len(block))
        if size == 0:
            raise CorpusError(f"{url} is empty", hint="check the address, or try again later")
        if sha256 and digest.hexdigest() != sha256:
            raise CorpusError(
                f"{url} has the SHA-256 {digest.hexdigest()}, but it must be {sha256}",
                hint="the file was damaged on its way or has changed: download it yourself and look at it",
            )


def _check_is_text(url: str, block: bytes) -> None:
    """Raise CorpusError for a web page, such as a login page, in the place of another file."""
    is_page = block.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_STARTS)
    if is_page and not urlsplit(url).path.lower().endswith((".html", ".htm", ".xhtml")):
        raise CorpusError(
            f"{url} answered with a web page instead of a text",
            hint="open the address in a browser; if you want to train on the page, save it and train on the file",
        )


def _blocks(url: str, progress: ProgressBar) -> Iterator[bytes]:
    """Yield the file in blocks as they arrive, and tell the progress its size.

    Another thread receives them, because neither the name service nor a server that sends a byte now and then could
    be interrupted otherwise.
    """
    items: queue.Queue[int | bytes | Exception] = queue.Queue(MAX_QUEUED_BLOCKS)
    is_abandoned = threading.Event()
    threading.Thread(target=_receive, args=(url, items, is_abandoned), daemon=True).start()
    try:
        while item := items.get(timeout=TIMEOUT):
            if isinstance(item, CorpusError):
                raise item
            if isinstance(item, Exception):
                raise _explained(url, item) from item
            if isinstance(item, int):
                progress.total = item
            else:
                yield item
    except queue.Empty:
        raise CorpusError(
            f"{url} is too slow: it sent less than {BLOCK_SIZE:,} bytes in {TIMEOUT:g} seconds",
            hint="try again later, or download it yourself",
        ) from None
    finally:
        is_abandoned.set()
        with contextlib.suppress(queue.Empty):  # the thread may be waiting for room
            while True:
                items.get_nowait()


def _receive(url: str, items: "queue.Queue[int | bytes | Exception]", is_abandoned: threading.Event) -> None:
    """Put the size of the file, if it is known, into a queue, then its blocks, then an empty one; or an exception."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        with requests.Session() as session, contextlib.closing(_open(session, url)) as response:
            size = response.headers.get("Content-Length", "")
            if size.isdecimal() and int(size):
                items.put(int(size))
            # urllib3 fills each block, whatever pieces it arrives in, and notices a file that ends too early
            while not is_abandoned.is_set() and (block := response.raw.read(BLOCK_SIZE, decode_content=True)):
                items.put(block)
        items.put(b"")
    except (CorpusError, requests.RequestException, HTTPError, OSError, ValueError) as error:
        items.put(error)


def _open(session: Any, url: str) -> Any:
    """Return the response to a request, redirects followed, without its body. Raises CorpusError."""
    from requests.exceptions import TooManyRedirects

    for _ in range(MAX_REDIRECTS + 1):
        response = session.get(url, stream=True, allow_redirects=False, timeout=TIMEOUT, headers=HEADERS)
        target = session.get_redirect_target(response)
        if target is None:
            if response.status_code != 200:
                raise CorpusError(
                    f"{url} answered {response.status_code} {response.reason}".rstrip(),
                    hint="check the address, try again later, or download it yourself",
                )
            return response
        response.close()
        session.close()  # the server may be closing the connection, so the next request gets a new one
        target = urljoin(url, target)
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
            raise CorpusError(
                f"{url} redirects to {target}, which is not encrypted",
                hint="download it yourself if you trust that address",
            )
        url = target
    raise TooManyRedirects(url)


def _explained(url: str, error: Exception) -> CorpusError:
    """Return the error to show for one of requests, urllib3 or the system."""
    from requests import exceptions
    from urllib3.exceptions import NameResolutionError, NewConnectionError

    address = getattr(getattr(error, "request", None), "url", None) or url  # that of a redirect, perhaps
    host, cause = address.partition("://")[2].partition("/")[0].rpartition("@")[2], _innermost(error)
    match error:
        case exceptions.ProxyError():
            message, hint = "the proxy cannot be reached or refuses", "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
        case exceptions.SSLError():
            message = f"the TLS connection to {host} failed ({cause})"
            hint = "check the clock of this machine and its certificates; REQUESTS_CA_BUNDLE names a file with others"
        case exceptions.Timeout():
            message, hint = f"{host} does not answer", "check the network, or try again later"
        case exceptions.ConnectionError() if isinstance(cause, NameResolutionError):
            message, hint = f"there is no server {host}", "check the address and the network"
        case exceptions.ConnectionError() if isinstance(cause, NewConnectionError):
            message, hint = f"{host} cannot be reached", "check the address and the network"
        case exceptions.TooManyRedirects():
            message, hint = f"there are more than {MAX_REDIRECTS} redirects", "check the address"
        case ValueError():  # also requests' InvalidURL and InvalidSchema
            message, hint = "the address, or one that it redirects to, is not valid", "check the address"
        case _:
            message = f"the connection broke off ({cause})"
            hint = "check the network and try again, or download it yourself"
    return CorpusError(f"{url} cannot be downloaded: {message}", hint=hint)


def _innermost(error: BaseException) -> BaseException:
    """Return the exception that a library wrapped in others, as an argument or as the reason."""
    while True:
        wrapped = [getattr(error, "reason", None), *error.args]
        inner = next((value for value in wrapped if isinstance(value, BaseException)), None)
        if inner is None:
            return error
        error = inner
