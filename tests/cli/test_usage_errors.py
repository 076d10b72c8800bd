"""Wrong values, missing arguments and too many of them: what was given, what was expected, how to mend it."""

import pytest

WRONG = [
    (["generate", "--temperature", "hot"], "--temperature is 'hot', but it must be a number", "see charlstm generate"),
    (["generate", "--temperature", "0,5"], "--temperature is '0,5', but", "write it with a point: 0.5; see"),
    (["generate", "--length", "ten"], "--length is 'ten', but it must be a whole number", "see charlstm generate"),
    (["generate", "-n", "many"], "--num-samples is 'many', but it must be a whole number", "see"),
    (["generate", "-n", "0"], "--num-samples is 0, but it must be at least 1", "see"),
    (["train", "t", "--max-time", "5minutes"], "--max-time: '5minutes' is not a duration", "write it as 90s, 5m or"),
    (["train"], "TEXT is missing", "usage: charlstm train TEXT...; see charlstm train --help-all"),
    (["evaluate"], "TEXT is missing", "usage: charlstm evaluate [RUN] TEXT; see"),
    (["runs", "mv", "a"], "NEW is missing", "usage: charlstm runs mv OLD NEW; see"),
    (["generate", "names", "Hello", "you"], "too many arguments: Hello you", "quotation marks join the words"),
    (["train", "--epochs"], "Option '--epochs' requires an argument.", "see charlstm train"),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_wrong_usage_is_explained(charlstm, arguments, message, hint):
    code, out, err = charlstm(*arguments)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(f"error: {message}")
    assert second.startswith(f"hint: {hint}")
