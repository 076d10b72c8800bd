import pytest

from charlstm.text.line_endings import LineEndings


def edited(text, change):
    """Return what is saved after a change of the text as the editor shows it."""
    return LineEndings.of(text).restore(change(text.replace("\r\n", "\n")))


@pytest.mark.parametrize(
    "text", ["", "one", "one\ntwo\n", "one\r\ntwo", "one\r\ntwo\nthree\r\n\n", "\n\r\n\n", "a\rb\n"]
)
def test_a_text_that_is_not_edited_is_saved_as_it_was(text):
    assert edited(text, lambda shown: shown) == text


def test_each_line_keeps_its_own_ending_and_new_lines_get_the_usual_one():
    mixed = "one\r\ntwo\nthree\nfour\n"
    assert edited(mixed, lambda shown: shown + "five\n") == mixed + "five\n"
    assert edited(mixed, lambda shown: "zero\n" + shown) == "zero\n" + mixed
    assert edited(mixed, lambda shown: shown.replace("two\n", "")) == "one\r\nthree\nfour\n"
    assert edited("one\r\ntwo\r\nthree\n4", lambda shown: shown + "\n5") == "one\r\ntwo\r\nthree\n4\r\n5"


def test_new_lines_of_a_windows_file_end_as_the_others_do():
    assert edited("one\r\ntwo\r\n", lambda shown: shown + "three\n") == "one\r\ntwo\r\nthree\r\n"
    assert edited("", lambda shown: "one\n") == "one\n"
