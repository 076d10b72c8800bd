"""Names of logs, and libraries that are not installed."""

import pytest

from charlstm.errors import LibraryError, SettingError
from charlstm.training.logs import registry
from charlstm.training.logs.registry import check_logs


def test_each_log_is_kept_once():
    assert check_logs(["tensorboard", "csv", "tensorboard"]) == ("tensorboard", "csv")


def test_an_unknown_log_is_an_error():
    with pytest.raises(SettingError, match="`log` is 'wandbb', but it must be one of csv, tensorboard"):
        check_logs(["csv", "wandbb"])


@pytest.mark.parametrize("name", registry.LIBRARIES)
def test_a_missing_library_is_an_error_that_names_the_extra(name, monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(LibraryError, match="not installed") as caught:
        check_logs(["csv", name])
    assert f"[{name}]'" in caught.value.hint
