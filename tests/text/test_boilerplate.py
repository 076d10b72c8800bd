"""Project Gutenberg's headers and footers are left out, and nothing else."""

import pytest

from charlstm.text.boilerplate import strip_boilerplate

BOOK = "Chapter 1\n\nIt began.\n" + "It went on and on.\n" * 400 + "The end.\n"
HEADER = "The Project Gutenberg eBook of It\n\nTitle: It\n\n*** START OF THE PROJECT GUTENBERG EBOOK IT ***\n\n"
FOOTER = "\n*** END OF THE PROJECT GUTENBERG EBOOK IT ***\n\nUpdated editions will replace the previous one.\n"
LICENCE = "Licence. " * 1500 + "\nsubscribe to our email newsletter to hear about new eBooks.\n"
OLD_HEADER = """***The Project Gutenberg Etext of It, by Somebody***

Copyright laws are changing all over the world, be sure to check them.
**Etexts Readable By Both Humans and By Computers, Since 1971**

***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here? You know: lawyers.
"""
SMALL_PRINT_ENDS = (
    "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n",
    "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n",
    "*** END THE SMALL PRINT! FOR COPYRIGHT PROTECTED ETEXTS\n",
)


def strip(text, size=1_000_000):
    """Return a text without boilerplate, read in chunks of a size, and how many characters were left out."""
    removed: list[int] = []
    chunks = (text[start : start + size] for start in range(0, len(text), size))
    return "".join(strip_boilerplate(chunks, removed.append)), sum(removed)


@pytest.mark.parametrize("size", [1, 7, 300, 100_000])
def test_boilerplate_around_an_e_book_is_left_out(size):
    text = HEADER + BOOK + FOOTER
    assert strip(text, size) == (BOOK, len(text) - len(BOOK))


@pytest.mark.parametrize("book", [BOOK, BOOK * 20, "Short.\n"])
@pytest.mark.parametrize("licence", ["", LICENCE])
def test_every_book_of_a_file_is_kept(book, licence):
    text = (HEADER + book + FOOTER + licence) * 3
    assert strip(text) == (book * 3, len(text) - 3 * len(book))
    assert strip(text, 5000)[0] == book * 3


def test_a_start_mark_may_be_wrapped():
    header = HEADER.replace("EBOOK IT ***", "EBOOK IT, WITH A LONG\nTITLE AND AN AUTHOR ***")
    assert strip(header + BOOK + FOOTER)[0] == BOOK


@pytest.mark.parametrize("end", SMALL_PRINT_ENDS)
@pytest.mark.parametrize("footer", ["End of the Project Gutenberg Etext of It,\nby Somebody\n", FOOTER])
def test_old_small_print_is_left_out(end, footer):
    assert strip(OLD_HEADER + end + "\n\n" + BOOK + "\n\n" + footer)[0] == BOOK


@pytest.mark.parametrize(
    "footer",
    [
        "Ende dieses Project Gutenberg Etextes Es, von Jemand\n",
        "Ende dieses Projekt Gutenberg Etextes\n",
        "Fin de ce Project Gutenberg Etext\n",
        "End of Project Gutenberg's It, by Somebody\n",
        "End of the Project Gutenberg EBook of It\n\n*** END OF THIS PROJECT GUTENBERG EBOOK IT ***\n" + LICENCE,
    ],
)
def test_footers_of_all_years_are_left_out(footer):
    assert strip(HEADER + BOOK + "\n" + footer)[0] == BOOK


@pytest.mark.parametrize(
    "text",
    [
        f"{BOOK}*** START OF THE PROJECT GUTENBERG EBOOK IT ***\n{BOOK}",
        f"{BOOK}*** END OF THE PROJECT GUTENBERG EBOOK IT ***\n{BOOK}",
        f"{BOOK}*** END OF THE PROJECT GUTENBERG EBOOK IT ***\nProject Gutenberg-tm comes next.\n{BOOK}",
        f"Project Gutenberg begins books with\n*** START OF THE PROJECT GUTENBERG EBOOK IT ***\n{BOOK}",
        f"{BOOK}*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*END*\n{BOOK}",
        f"{BOOK}End of Project Gutenberg is a sad thought.\n{BOOK}",
        f"mark = '*** START OF THE PROJECT GUTENBERG EBOOK'\n{BOOK}",
    ],
)
def test_quoted_marks_leave_a_text_as_it_is(text):
    assert strip(text) == (text, 0)
    assert strip(text, 1000) == (text, 0)


def test_marks_quoted_within_a_book_are_kept():
    book = f"{BOOK}\n*** END OF THE PROJECT GUTENBERG EBOOK, she read aloud.\n\n{BOOK}"
    assert strip(HEADER + book + FOOTER)[0] == book


def test_a_text_behind_the_licence_is_kept():
    text, _ = strip(HEADER + BOOK + FOOTER + LICENCE + "Another text.\n" * 9)
    assert text == BOOK + "Another text.\n" * 9


def test_a_footer_with_its_licence_is_left_out_without_a_header():
    assert strip(BOOK + FOOTER + LICENCE)[0] == BOOK
