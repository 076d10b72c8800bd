from charlstm.training.clock import LONGEST_GAP, TICK, TrainingClock


class Time:
    """A clock of the system that the test sets."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def make_clock(seconds, time, monkeypatch):
    monkeypatch.setattr(TrainingClock, "_keep_ticking", lambda clock: None)
    return TrainingClock(seconds, now=time)


def test_it_counts_from_where_a_run_was_stopped_and_only_while_it_trains(monkeypatch):
    clock = make_clock(7.0, time := Time(), monkeypatch)
    time.seconds += 0.5
    assert clock.seconds == 7.0
    with clock:
        time.seconds += 0.5
        assert clock.seconds == 7.5
        time.seconds += 0.25
    time.seconds += 0.5
    assert clock.seconds == 7.75


def test_it_does_not_count_the_time_for_which_the_process_is_stopped(monkeypatch):
    clock = make_clock(0.0, time := Time(), monkeypatch)
    with clock:
        for _ in range(20):
            time.seconds += TICK
            clock.tick()
        time.seconds += 3600
        clock.tick()
        time.seconds += LONGEST_GAP / 2
        assert 2.5 < clock.seconds < 2.7


def test_it_counts_a_long_step_because_it_ticks_meanwhile():
    import time

    with TrainingClock() as clock:
        time.sleep(LONGEST_GAP * 1.3)
        assert clock.seconds > LONGEST_GAP
