"""The routes of the server."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from charlstm.errors import SettingError, shown
from charlstm.serving.answers import Answer
from charlstm.serving.api_errors import ApiError
from charlstm.serving.batch import GrowingText, Piece
from charlstm.serving.host import HostCheck
from charlstm.serving.limits import Limits
from charlstm.serving.models import ServedModel
from charlstm.serving.requests import Completion, parse_body, parse_completion
from charlstm.serving.token import TokenCheck
from charlstm.serving.worker import Pieces

BODY_TIMEOUT = 20.0  # seconds for the whole body of a request
RETRY_AFTER = 1  # seconds


def make_app(
    models: Mapping[str, ServedModel], limits: Limits, *, token: str | None = None, only_host: str | None = None
) -> Starlette:
    """Return the ASGI application; the workers of the models run from its start to its end.

    With `only_host`, it answers to this name and to those of this machine alone, see `HostCheck`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def publish(pieces: Pieces) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                if pieces:
                    loop.call_soon_threadsafe(_deliver, pieces)

        for model in models.values():
            model.worker.start(publish)
        try:
            yield
        finally:
            for model in models.values():
                model.worker.close()

    routes = Routes(models, limits)
    return Starlette(
        routes=[
            Route("/", routes.page),
            Route("/healthz", routes.health),
            Route("/v1/models", routes.list_models),
            Route("/v1/models/{name:path}", routes.show_model),
            Route("/v1/completions", routes.complete, methods=["POST"]),
        ],
        middleware=[
            *([Middleware(HostCheck, host=only_host)] if only_host else []),
            *([Middleware(TokenCheck, token=token)] if token else []),
        ],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, Exception: _bug},
        lifespan=lifespan,
    )


@dataclass
class Routes:
    """The handlers of requests."""

    models: Mapping[str, ServedModel]
    limits: Limits

    async def health(self, _: Request) -> Response:
        return JSONResponse(
            {"status": "ok", "texts": {name: model.worker.num_open for name, model in self.models.items()}}
        )

    async def page(self, request: Request) -> Response:
        model = self._model(request.query_params.get("model"))
        try:
            page = await run_in_threadpool(lambda: model.page)
        except SettingError as problem:
            raise ApiError(404, f"{model.name} has no page: {problem}") from problem
        return Response(page, media_type="text/html")

    async def list_models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [_describe(model) for model in self.models.values()]})

    async def show_model(self, request: Request) -> Response:
        return JSONResponse(_describe(self._model(request.path_params["name"])))

    async def complete(self, request: Request) -> Response:
        values = parse_body(await _read_body(request, self.limits.max_body))
        model = self._model(values.get("model"))
        # In another thread: a long prompt takes a moment to prepare.
        completion = await run_in_threadpool(parse_completion, values, model.loaded, model.name, self.limits)
        running = RunningCompletion(completion)
        if not model.worker.submit(running.texts):
            raise ApiError(
                429,
                f"too many texts wait already (at most {self.limits.max_waiting:,}): try again later",
                code="rate_limit_exceeded",
                kind="rate_limit_error",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        if completion.stream:
            return EventStream(running)
        return await _whole_answer(request, running)

    def _model(self, name: str | None) -> ServedModel:
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            known = ", ".join(self.models)
            raise ApiError(404, f"there is no model {shown(name)}: there is {known}", "model", "model_not_found")
        return self.models[name]


@dataclass
class RunningCompletion:
    """A completion whose texts are being generated: their pieces come in a queue."""

    completion: Completion
    texts: list[GrowingText] = field(init=False)
    pieces: asyncio.Queue[tuple[int, Piece]] = field(init=False, default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.texts = [
            GrowingText(
                source.request,
                lambda piece, index=index: self.pieces.put_nowait((index, piece)),  # type: ignore[misc]
                num_logprobs=self.completion.num_logprobs,
                in_pieces=self.completion.stream,
            )
            for index, source in enumerate(self.completion.texts)
        ]

    async def __aiter__(self) -> AsyncIterator[tuple[int, Piece]]:
        """Yield the pieces until all texts are complete. Raises ApiError if one cannot be generated."""
        num_complete = 0
        while num_complete < len(self.texts):
            index, piece = await self.pieces.get()
            if piece.finish_reason == "error":
                raise ApiError(500, "the model failed to write this text", kind="server_error")
            num_complete += piece.finish_reason is not None
            yield index, piece

    def cancel(self) -> None:
        """Nobody waits any more: free the rows of texts that are not complete."""
        for text in self.texts:
            text.is_cancelled = True


class EventStream(StreamingResponse):
    """A completion by server-sent events, whose texts end when the client goes away."""

    def __init__(self, running: RunningCompletion) -> None:
        super().__init__(_events(running), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._running.cancel()


async def _events(running: RunningCompletion) -> AsyncIterator[str]:
    answer = Answer(running.completion)
    try:
        async for index, piece in running:
            yield _event(answer.chunk(index, piece))
        if running.completion.include_usage:
            yield _event(answer.usage_chunk())
    except ApiError as problem:  # the status has been sent
        yield _event(problem.to_json())
        return
    yield "data: [DONE]\n\n"


def _event(values: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(values)}\n\n"


async def _whole_answer(request: Request, running: RunningCompletion) -> Response:
    """Return the answer once all texts are complete, or an empty one if the client goes away before."""

    async def collect() -> list[Piece]:
        pieces = {index: piece async for index, piece in running}
        return [pieces[index] for index in range(len(running.texts))]

    collected, gone = asyncio.ensure_future(collect()), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((collected, gone), return_when=asyncio.FIRST_COMPLETED)
        if not collected.done():
            return Response(status_code=499)  # nobody reads it
        return JSONResponse(Answer(running.completion).whole(collected.result()))
    finally:
        running.cancel()
        collected.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request. Raises ApiError for one that is too large, before reading it, or too slow."""
    too_large = ApiError(413, f"the body has more than {max_bytes:,} bytes", headers={"Connection": "close"})
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.stream():
                body += part
                if len(body) > max_bytes:
                    raise too_large
    except TimeoutError as problem:
        text = f"the body did not come within {BODY_TIMEOUT:g} seconds"
        raise ApiError(408, text, headers={"Connection": "close"}) from problem
    except ClientDisconnect as problem:
        raise ApiError(400, "the body is incomplete") from problem
    return bytes(body)


def _deliver(pieces: Pieces) -> None:
    for text, piece in pieces:
        text.deliver(piece)


def _describe(model: ServedModel) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": model.created, "owned_by": "charlstm"}


async def _api_error(_: Request, problem: Any) -> Response:
    return JSONResponse(problem.to_json(), problem.status, headers=dict(problem.headers))


async def _http_error(request: Request, problem: Any) -> Response:
    """Answer a wrong path or method."""
    message = f"{request.method} {shown(request.url.path)}: {problem.detail}"
    return JSONResponse(ApiError(problem.status_code, message).to_json(), problem.status_code, headers=problem.headers)


async def _bug(_: Request, __: Exception) -> Response:
    return JSONResponse(ApiError(500, "this is a mistake in charlstm", kind="server_error").to_json(), 500)
