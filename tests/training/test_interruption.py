import signal

import pytest

from charlstm.training.interruption import SIGNALS, Interruption


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_wish_and_the_second_an_order(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert interruption.signal_number is None
        signal.raise_signal(number)
        assert interruption.exit_code == 128 + number
        with pytest.raises(SystemExit) as caught:
            signal.raise_signal(number)
        assert caught.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_while_nothing_can_be_lost_the_first_leaves_at_once():
    with Interruption() as interruption:
        interruption.can_wait = False
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
        assert interruption.signal_number == signal.SIGINT, "a library may swallow the exception"


def test_a_hangup_that_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGHUP)
        assert interruption.signal_number is None
    finally:
        signal.signal(signal.SIGHUP, before)
