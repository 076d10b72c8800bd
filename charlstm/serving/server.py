"""Run the application: the socket, the time that clients have, and the end."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from charlstm.errors import SettingError
from charlstm.libraries import pass_on_warnings

HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request to the end of its headers
WRITE_TIMEOUT = 30.0  # seconds that a client may leave a full buffer of its answer unread
KEEP_ALIVE = 30  # seconds between two requests
GRACE = 5  # seconds that texts under way have at the end
MAX_CONNECTIONS = 1000
BACKLOG = 256


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 that cuts off clients which send no request, or do not read their answer.

    Uvicorn has a deadline for the time between two requests only. What is sent late in a request's body is up to the
    application.
    """

    _head_deadline: asyncio.TimerHandle | None = None
    _write_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_deadline = self.loop.call_later(HEAD_TIMEOUT, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._head_deadline is None and not self._has_request:
            self._head_deadline = self.loop.call_later(HEAD_TIMEOUT, self.transport.abort)
        super().data_received(data)
        if self._has_request:
            self._head_deadline = self._cancel(self._head_deadline)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():  # closing would wait for a client that does not read
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_deadline = self.loop.call_later(WRITE_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_deadline = self._cancel(self._write_deadline)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._head_deadline = self._cancel(self._head_deadline)
        self._write_deadline = self._cancel(self._write_deadline)

    def _cancel(self, deadline: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
        if deadline is not None:
            deadline.cancel()
        return None

    @property
    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises SettingError for an address that cannot be bound."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise SettingError(
            f"`host` {host} and `port` {port} cannot be listened on: {reason}",
            hint="give another `port`, 0 for any that is free, or check `host`",
        ) from problem
    # Connections inherit it. asyncio sets it only on sockets that know their protocol, and these do not; without, the
    # second part of an answer waits 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(app: Starlette, *, on_message: Callable[[str], None] = lambda _: None) -> uvicorn.Server:
    """Return a server of the application; `on_message` gets what goes wrong, in lines.

    `run` serves a listening socket until a signal comes. SIGINT or SIGTERM let texts under way finish for a moment, and
    are then sent again; a second one ends at once.
    """
    pass_on_warnings("uvicorn", on_message)
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    return uvicorn.Server(config)
