"""One convention for quotes, dashes, blanks and lines, whatever the source."""

import pytest

from models.cleaning import clean, is_verse


def cleaned(*lines, joined=True, code=False):
    return list(clean([list(lines)], joined=joined, code=code))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("\u201cIt\u2019s here\u201d, he said.", '"It\'s here", he said.'),
        ("``Well,'' said she.", '"Well," said she.'),
        ("He came \u2014 and went.", "He came--and went."),
        ("He came -- and went.", "He came--and went."),
        ("He came - and went.", "He came--and went."),
        ("Mr. B---- of London", "Mr. B--of London"),
        ("a caf\u00e9 in C\u00e6sar's  time\u2026", "a cafe in Caesar's time..."),
        ("It was _very_ late; =quite= late.", "It was very late; quite late."),
        ("as was said.[12] So it was.[*]", "as was said. So it was."),
        ("What now ?", "What now?"),
        (">From that day", "From that day"),
    ],
)
def test_signs_follow_one_convention(line, expected):
    assert cleaned(line) == [expected]


def test_code_keeps_underscores_and_equals_signs():
    line = "Call sqlite3_open_v2() if a=b - or c=d - first."
    assert cleaned(line, code=True) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "CHAPTER XII",
        "Chapter the Last.",
        "VOLUME II",
        "IV.",
        "17",
        "[Illustration: a ship]",
        "* * * * *",
        "The End",
        "End of the Project Gutenberg EBook of Emma",
        "ISBN 0-380-59931-7",
        "\u1f10\u03bd \u1f00\u03c1\u03c7\u1fc7",
        "-----------------",
        ":--",
    ],
)
def test_headers_and_foreign_letters_are_dropped(line):
    assert cleaned(line) == []


@pytest.mark.parametrize("line", ["THE SISTERS", "Part of it was lost.", "Book early.", "I am.", '"Never, sir."'])
def test_titles_and_short_sentences_stay(line):
    assert cleaned(line) == [line]


def test_prose_is_joined_and_verse_keeps_its_lines():
    prose = [
        "The flying ship of Professor Lucifer sang through the skies like--",
        "a silver arrow; the bleak white steel of it, gleaming in the bleak",
        "blue emptiness.",
    ]
    verse = ["  Piping down the valleys wild,", "    Piping songs of pleasant glee,", "  On a cloud I saw a child,"]

    assert cleaned(*prose, joined=False) == ["\n".join(prose)]
    assert cleaned(*prose) == [
        "The flying ship of Professor Lucifer sang through the skies like--a silver arrow; "
        "the bleak white steel of it, gleaming in the bleak blue emptiness."
    ]
    assert cleaned(*verse) == [
        "Piping down the valleys wild,\n  Piping songs of pleasant glee,\nOn a cloud I saw a child,"
    ]


def test_an_indented_first_line_is_no_verse():
    prose = [
        "     And he ruminated long before the portrait of a white-haired man",
        "with black eyebrows and a pink, painted sort of smile that seemed",
        "to contradict him.",
    ]
    assert cleaned(*prose) == [" ".join(line.strip() for line in prose)]


def test_long_paragraphs_that_come_twice_are_kept_once():
    long, short = "This paragraph stands on each of the pages of the manual, word for word.", "No answer."
    paragraphs = [[long], [short], [long], [short]]
    assert list(clean(paragraphs, joined=True)) == [long, short, short]


def test_one_line_is_no_verse():
    assert not is_verse(["To be short"])
