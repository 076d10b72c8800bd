"""Let only those in who know the token."""

import base64
import binascii
import secrets

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from charlstm.serving.api_errors import ApiError

OPEN_PATHS = ("/healthz",)  # of no use to a stranger


class TokenCheck:
    """ASGI middleware that answers 401 to a request without the token.

    Programs send it as `Authorization: Bearer TOKEN`; a browser asks for a name, which may be any, and a password.
    """

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._is_right(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        problem = ApiError(401, "the token is missing or wrong", code="invalid_api_key", kind="authentication_error")
        headers = {"WWW-Authenticate": 'Basic realm="charlstm"', "Connection": "close"}
        await JSONResponse(problem.to_json(), 401, headers=headers)(scope, receive, send)

    def _is_right(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        token = given.strip().encode("latin-1")
        if kind.lower() == "basic":
            token = _password(token)
        return kind.lower() in ("bearer", "basic") and secrets.compare_digest(token, self._token)


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
