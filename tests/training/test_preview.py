import re

from charlstm.training import preview
from charlstm.training.preview import expected_throughput, preview_settings


def test_settings_are_previewed_for_a_text_of_any_size():
    for num_characters in (1, 100_000, 100_000_000):
        line = preview_settings(num_characters, 60)
        assert "2x" in line
        assert "learning rate" in line
        assert "chosen for" in line
        assert re.search(r"about \d+m(\d+s)? of training", line)


def test_the_speed_is_that_of_the_precision_if_it_is_fixed(monkeypatch):
    speeds = {"float32": 1e11, "bfloat16": 3e11}
    monkeypatch.setattr(preview, "load_throughput", lambda *precisions: max(speeds[one] for one in precisions))
    assert [expected_throughput(precision) for precision in (None, *speeds)] == [3e11, 1e11, 3e11]
