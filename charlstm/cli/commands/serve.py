"""`charlstm serve`."""

from typing import Annotated

import typer

from charlstm.cli.completion import complete_models
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.messages import say, visible, warn
from charlstm.cli.display.progress import COMPILING, notice_if_slow
from charlstm.cli.options import option
from charlstm.errors import LibraryError, SettingError
from charlstm.serving.limits import Limits


def serve(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_models,
            metavar="RUN",
            help="Run folders, names under runs/, or model files. Default: the newest run.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on; 0.0.0.0 is all of them.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 8000,
    token: Annotated[
        str | None,
        option("--token", metavar="TEXT", help="Answer only those who send it, as OpenAI's clients send an API key."),
    ] = None,
    max_length: Annotated[
        int, typer.Option("--max-length", metavar="N", min=1, help="Characters of one text at most.")
    ] = Limits.max_length,
    max_prompt: Annotated[
        int, typer.Option("--max-prompt", metavar="N", min=1, help="Characters of one prompt at most.")
    ] = Limits.max_prompt,
    max_waiting: Annotated[
        int,
        typer.Option("--max-waiting", metavar="N", min=0, help="Texts that wait at most; others are sent away (429)."),
    ] = Limits.max_waiting,
) -> None:
    """Serve models to other programs over HTTP, in the shape of OpenAI's completions.

    POST /v1/completions takes prompt, max_tokens (characters), temperature, top_p, stop, n, seed, logprobs, echo and
    stream; /v1/models lists the models; / is a page that runs the model in a browser. Needs the extra charlstm[serve].

    \b
    charlstm serve macbeth
    charlstm serve macbeth names --port 9000 --token secret
    """
    _check_libraries()
    if token == "":
        raise SettingError("`token` is empty, so that it would keep nobody out", hint="give a long one, or none")
    from charlstm.serving.app import make_app
    from charlstm.serving.host import is_loopback
    from charlstm.serving.models import serve_models
    from charlstm.serving.server import listen, make_server, url_of

    limits = Limits(max_length, max_prompt, max_waiting)
    with notice_if_slow(COMPILING):
        models = serve_models(runs or [], max_waiting=limits.max_waiting, on_failure=warn)
    if not runs:
        say(newest_run_line(next(iter(models.values())).loaded.path))
    listener = listen(host, port)
    only_host = host if is_loopback(listener.getsockname()[0]) else None
    if not only_host and not token:
        warn(f"everyone who can reach {host} may use the models: give a `token`, or leave `host` out")
    say(f"serving {', '.join(map(visible, models))}; Ctrl-C ends it")
    print(url_of(listener), flush=True)
    make_server(make_app(models, limits, token=token, only_host=only_host), on_message=warn).run(sockets=[listener])


def _check_libraries() -> None:
    """Raise LibraryError unless the libraries of the extra are installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as problem:
        raise LibraryError(
            f"charlstm serve needs Starlette and Uvicorn: {problem}",
            hint="install them with: pip install 'charlstm[serve]'",
        ) from problem
