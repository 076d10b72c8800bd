"""The client of the Hub, as it is set up."""

import pytest

from charlstm.sharing.hub import TIMEOUT, connect

pytest.importorskip("huggingface_hub")


def test_the_client_draws_no_bars_and_does_not_wait_for_ever():
    from huggingface_hub import get_session
    from huggingface_hub.utils import are_progress_bars_disabled

    connect()
    assert are_progress_bars_disabled()
    assert get_session().timeout.read == TIMEOUT


def test_warnings_of_the_client_are_lines():
    from huggingface_hub.utils import logging

    messages: list[str] = []
    connect(messages.append)
    logging.get_logger("huggingface_hub.file_download").warning("Retrying in 1s\nand more")
    assert messages == ["Retrying in 1s"]
