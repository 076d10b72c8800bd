"""Refuse requests that a web page sends to this machine under a name of its own (DNS rebinding).

A page of evil.example may have its name resolved to 127.0.0.1 once it is open. The browser then takes the server here
for evil.example, and lets the page read the answers; but it sends that name as the host.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from charlstm.errors import shown
from charlstm.serving.api_errors import ApiError


class HostCheck:
    """ASGI middleware that answers 421 to a request whose host is neither a loopback address nor `host`.

    It is for servers that listen on a loopback address. A request without a host, which HTTP/1.0 allows and no browser
    sends, is let in.
    """

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self._app, self._host = app, host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get("host") if scope["type"] == "http" else None
        if given is None or is_loopback(name := _name(given)) or name == self._host:
            await self._app(scope, receive, send)
            return
        message = f"this server answers on {self._host} and localhost, not as {shown(given)}"
        await JSONResponse(ApiError(421, message).to_json(), 421, headers={"Connection": "close"})(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Return whether a name or an address can only be this machine.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("localhost.example.com")
    (True, True, False)
    """
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """Return the host of a header, in lower case and without its port; an empty string if it has none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
