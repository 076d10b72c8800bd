from charlstm.generation.line_filter import MAX_LEFT_OUT, FilteredCondition, LineFilter
from charlstm.generation.stopping import StopCondition, StopRules


def filtered(text, *, known=(), unique=False, length=1000, line_start="", **rules):
    """Return what is left of a text, and its condition."""
    line_filter = LineFilter(known=known, unique=unique)
    condition = FilteredCondition(StopCondition(StopRules(**rules), length), line_filter, line_start)
    return condition.feed_all(text), condition


def test_known_lines_do_not_count_as_lines_or_characters():
    assert filtered("one\ntwo\nthree\nfour\n", known={"one", "three"}, lines=2)[0] == "two\nfour\n"
    assert filtered("one\ntwo\nthree\n", known={"one"}, length=6)[0] == "two\nth"
    assert filtered("one\ntwo\n", known={"one"}, stops=("\n",))[0] == "two"
    assert filtered("one\n\n two\n\n", known={"one"}, paragraphs=1)[0] == "\n two\n\n"


def test_line_that_the_length_cuts_off_is_left_out_as_well():
    text, condition = filtered("one\ntwo\n", known={"tw"}, length=6)
    assert (text, condition.is_reached, condition.is_refused) == ("one\n", True, False)
    text, condition = filtered("one\n", known={"on"}, length=2)
    assert (text, condition.is_refused) == ("", True)


def test_repeated_lines_are_left_out():
    assert filtered("one\ntwo\none\nthree\n", unique=True, lines=3)[0] == "one\ntwo\nthree\n"
    assert filtered("a\n\nb\n\n", unique=True, lines=4)[0] == "a\n\nb\n\n", "blank lines may repeat"


def test_first_line_that_is_known_with_its_prompt_is_refused():
    text, condition = filtered("ne\ntwo\n", known={"one"}, line_start="o", lines=1)
    assert (text, condition.is_refused) == ("", True)
    assert filtered("ly\n", known={"one"}, line_start="on", lines=1)[0] == "ly\n"


def test_text_is_refused_when_no_other_line_comes():
    text, condition = filtered("one\n" * MAX_LEFT_OUT, known={"one"})
    assert (text, condition.is_reached, condition.is_refused) == ("", True, True)


def test_all_lines_of_a_finished_text_count_as_written_or_none():
    line_filter = LineFilter(unique=True)
    assert line_filter.accept(["a", "b", ""])
    assert not line_filter.accept(["c", "A "])
    assert line_filter.accept(["c", ""])


def test_blank_text_is_none():
    assert filtered("\n\none\n", known=(), lines=1)[0] == "one\n"
    text, condition = filtered("  ", known=(), length=2)
    assert (text, condition.is_refused) == ("", True)
