"""Errors of the Hub, from answers as it gives them and from connections that fail."""

import errno

import pytest

from charlstm.errors import HubError, SettingError
from charlstm.sharing.hub_errors import hub_errors

pytest.importorskip("huggingface_hub")
httpx2 = pytest.importorskip("httpx2")

URL = "https://huggingface.co/api/models/anna/tiny"
LOGGED_IN = {"authorization": "Bearer hf_secret"}


def error_of(status, code="", *, message="", sent=LOGGED_IN):
    """Return the error for an answer to the client."""
    from huggingface_hub.utils import hf_raise_for_status

    headers = {"X-Error-Code": code, "X-Error-Message": message}
    request = httpx2.Request("GET", URL, headers=sent)
    answer = httpx2.Response(status, headers={name: value for name, value in headers.items() if value}, request=request)
    with pytest.raises(HubError) as raised, hub_errors("anna/tiny"):
        hf_raise_for_status(answer)
    return f"{raised.value}; {raised.value.hint}"


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        ((404, "RepoNotFound"), "no repository anna/tiny, or this token may not see it", "the token"),
        ((403, "GatedRepo"), "anna/tiny is gated", "https://huggingface.co/anna/tiny"),
        ((404, "RevisionNotFound"), "anna/tiny has no such revision", "`revision`"),
        ((404, "EntryNotFound"), "anna/tiny has no model.safetensors", "pushed"),
        ((401,), "the Hub does not accept the token", "hf auth login"),
        ((403,), "the Hub does not allow this for anna/tiny", "https://huggingface.co/settings/tokens"),
        ((409,), "has just been changed", "try again"),
        ((429,), "too many requests", "some minutes"),
        ((503,), "the Hub cannot answer now: 503 Service Unavailable", "later"),
        ((418,), "418 I'm a teapot", "mend"),
    ],
)
def test_an_answer_with_an_error_status(answer, message, hint):
    error = error_of(*answer, message="")
    assert message in error.partition("; ")[0]
    assert hint in error.partition("; ")[2]
    assert "\n" not in error
    assert "hf_secret" not in error


def test_without_a_token_a_private_repository_looks_like_none():
    assert "there is no repository anna/tiny, or it is private" in error_of(401, sent={})


def test_what_the_hub_says_is_one_line_of_limited_length():
    error = error_of(403, message="no " * 1000)
    assert len(error) < 500


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("ProxyError", "the proxy cannot be reached"),
        ("ReadTimeout", "huggingface.co does not answer"),
        ("ConnectError", "huggingface.co cannot be reached: why"),
        ("ReadError", "the connection to huggingface.co broke off: why"),
    ],
)
def test_a_connection_that_fails(failure, message):
    wrapper = RuntimeError("Error while uploading")  # the client wraps some
    wrapper.__cause__ = getattr(httpx2, failure)("why")
    for error in (wrapper, wrapper.__cause__):
        with pytest.raises(HubError, match=message), hub_errors("anna/tiny"):
            raise error


def test_other_errors_stay_what_they_are():
    for error in (OSError(errno.ENOSPC, "No space left on device"), SettingError("wrong"), MemoryError()):
        with pytest.raises(type(error)) as raised, hub_errors("anna/tiny"):
            raise error
        assert raised.value is error
    with pytest.raises(HubError, match="cannot be used: Expecting value"), hub_errors("anna/tiny"):
        raise ValueError("Expecting value")
