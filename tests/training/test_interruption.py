import signal
import threading

import pytest

from charlstm.training.interruption import SIGNALS, Interruption, exit_code


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_stops_gracefully_the_second_at_once(number):
    handler = signal.getsignal(number)
    with Interruption() as interruption:
        assert interruption.signal_number is None
        signal.raise_signal(number)
        assert interruption.signal_number == number
        with pytest.raises(SystemExit) as caught:
            signal.raise_signal(number)
        assert caught.value.code == exit_code(number) == 128 + number
    assert signal.getsignal(number) is handler


def test_the_first_signal_exits_while_there_is_nothing_to_save():
    with Interruption() as interruption:
        interruption.stops_gracefully = False
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
        assert interruption.signal_number == signal.SIGINT, "a library may swallow the exception"


def test_an_ignored_hangup_stays_ignored():
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGHUP)
        assert interruption.signal_number is None
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_another_thread_catches_no_signals_but_can_be_stopped():
    def enter():
        with Interruption() as interruption:
            handlers.append(signal.getsignal(signal.SIGINT))
            interruption.stop()
            numbers.append(interruption.signal_number)

    handlers: list[object] = []
    numbers: list[int | None] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
    assert numbers == [signal.SIGINT]
