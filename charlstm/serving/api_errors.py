"""Errors in the shape that OpenAI's clients understand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from charlstm.errors import CharLSTMError, SettingError, VocabularyError

PARAMETERS = {"length": "max_tokens", "random_seed": "seed", "stops": "stop"}  # where field and parameter differ
_FIELD = re.compile(r"`(\w+)`")


@dataclass
class ApiError(Exception):
    """A request that is not answered: an HTTP status, and a message for whoever sent it."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    kind: str = "invalid_request_error"
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def from_charlstm(problem: CharLSTMError) -> ApiError:
    """Return the error of a request that the model refuses. Fields in its message get the names of parameters."""
    text = ": ".join(filter(None, [str(problem), problem.hint]))
    named = _FIELD.search(str(problem))
    param = PARAMETERS.get(named[1], named[1]) if named else None
    if isinstance(problem, VocabularyError):
        param = "prompt"
    message = _FIELD.sub(lambda match: f"`{PARAMETERS.get(match[1], match[1])}`", text)
    if isinstance(problem, SettingError | VocabularyError):
        return ApiError(400, message, param)
    return ApiError(500, message, param, kind="server_error")
