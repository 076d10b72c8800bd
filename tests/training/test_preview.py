import re

from charlstm.training.preview import preview_settings


def test_settings_are_previewed_for_a_text_of_any_size():
    for num_characters in (1, 100_000, 100_000_000):
        line = preview_settings(num_characters, 60)
        assert "2x" in line
        assert "learning rate" in line
        assert "chosen for" in line
        assert re.search(r"about \d+m(\d+s)? of training", line)
