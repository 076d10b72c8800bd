"""What goes wrong on the way to the Hub and there, as one line and a hint."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from charlstm.errors import CharLSTMError, HubError, shown
from charlstm.sharing.repository import MODEL_FILE

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

MAX_REASON = 300  # characters of what the Hub says
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
TRY_AGAIN = "try again later"
ONLY_OURS = "only models that charlstm has pushed can be pulled"


@contextmanager
def hub_errors(repository: str) -> Iterator[None]:
    """Raise HubError for whatever the client of the Hub raises in this context, which does nothing else.

    Errors of this machine, such as a full disk, stay what they are.
    """
    try:
        yield
    except (CharLSTMError, MemoryError):
        raise
    except Exception as error:  # of the client, its HTTP library, its compiled part, or an answer that is none
        if isinstance(error, OSError) and error.errno is not None:
            raise
        message, hint = _explained(repository, error)
        raise HubError(message, hint=hint) from error


def _explained(repository: str, error: BaseException) -> tuple[str, str]:
    """Return the message and the hint for an error, by the cause that says most: the client wraps some in others."""
    import httpx2
    from huggingface_hub import errors

    causes = list(_causes(error))
    if refusal := next((one for one in causes if isinstance(one, errors.HfHubHTTPError)), None):
        return _explain_refusal(repository, refusal)
    if failure := next((one for one in causes if isinstance(one, httpx2.HTTPError)), None):
        return _explain_connection(failure)
    if any(isinstance(one, errors.OfflineModeIsEnabled) for one in causes):
        return "HF_HUB_OFFLINE forbids requests to the Hub", "unset HF_HUB_OFFLINE"
    return f"the answer of {_host()} cannot be used: {_one_line(str(error))}", "check HF_ENDPOINT, or try again later"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _explain_refusal(repository: str, error: "HfHubHTTPError") -> tuple[str, str]:
    """Explain an answer with an error status, by the client's class for it or by the status."""
    from huggingface_hub import constants, errors

    status, reason = error.response.status_code, _one_line(error.server_message or error.response.reason_phrase)
    match error:
        case errors.GatedRepoError():
            return f"{repository} is gated: its owner decides who may have it", (
                f"ask for access at {constants.ENDPOINT}/{repository}, and {LOG_IN}"
            )
        case errors.RevisionNotFoundError():
            return f"{repository} has no such revision", "give a branch, a tag or a commit of it with `revision`"
        case errors.RemoteEntryNotFoundError():
            return f"{repository} has no {MODEL_FILE}", ONLY_OURS
        case errors.RepositoryNotFoundError() if "authorization" not in error.response.request.headers:
            return f"there is no repository {repository}, or it is private", f"check the name; {LOG_IN} to see your own"
        case errors.RepositoryNotFoundError() if status != 401:
            return f"there is no repository {repository}, or this token may not see it", "check the name and the token"
    if status == 401:
        return f"the Hub does not accept the token: {reason}", LOG_IN
    if status == 403:
        rights = f"see {constants.ENDPOINT}/settings/tokens for what the token may do"
        return f"the Hub does not allow this for {repository}: {reason}", rights
    if status in (409, 412):
        return f"{repository} has just been changed by somebody else: {reason}", "try again"
    if status == 429:
        return "there were too many requests to the Hub", f"try again in some minutes; {LOG_IN} if you have not"
    if status >= 500:
        return f"the Hub cannot answer now: {status} {reason}", TRY_AGAIN
    return f"the Hub refuses this for {repository}: {status} {reason}", "mend what it names, and try again"


def _explain_connection(error: BaseException) -> tuple[str, str]:
    """Explain why there is no answer."""
    import httpx2

    match error:
        case httpx2.ProxyError():
            return "the proxy cannot be reached or refuses", "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
        case httpx2.TimeoutException():
            return f"{_host()} does not answer", f"check the network, or {TRY_AGAIN}"
        case httpx2.ConnectError():
            return f"{_host()} cannot be reached: {_one_line(str(error))}", "check the network and HF_ENDPOINT"
    return f"the connection to {_host()} broke off: {_one_line(str(error))}", f"check the network, or {TRY_AGAIN}"


def _host() -> str:
    from huggingface_hub import constants

    return urlsplit(constants.ENDPOINT).netloc or shown(constants.ENDPOINT)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}..."
