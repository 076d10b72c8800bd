"""The client of the Hub: huggingface_hub, which brings its own ways to log in, proxies and an address (HF_ENDPOINT)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from charlstm.errors import HubError
from charlstm.libraries import library_imports, own_version, pass_on_warnings
from charlstm.sharing.hub_errors import LOG_IN

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TIMEOUT = 120.0  # seconds for an answer; a commit may take the Hub a while


def check_hub_library() -> None:
    """Raise LibraryError unless huggingface_hub is installed."""
    with library_imports("huggingface_hub", "huggingface_hub", without="export writes a file to share", extra="hub"):
        import huggingface_hub  # noqa: F401


def connect(on_message: Callable[[str], None] = lambda _: None) -> "HfApi":
    """Return a client that draws nothing and gives up on a silent server; `on_message` gets its warnings, in lines."""
    from huggingface_hub import HfApi, get_session
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    pass_on_warnings("huggingface_hub", on_message)
    get_session().timeout = TIMEOUT
    return HfApi(library_name="charlstm", library_version=own_version())


def check_logged_in(client: "HfApi") -> None:
    """Raise HubError unless there is a token; whether it is a good one, the Hub says."""
    from huggingface_hub import get_token

    if get_token() is None:
        raise HubError(f"{client.endpoint} takes models only from those who are logged in", hint=LOG_IN)
