from charlstm.text.corpus import load_corpus
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import load_given_text
from charlstm.text.streams import STANDARD_INPUT

TEXT = "Cafe\u0301\r\nnaïve\n" * 20
BOOK = "*** START OF THE PROJECT GUTENBERG EBOOK X ***\nthe text\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n"


def test_a_string_is_read_as_a_file_is(tmp_path):
    (tmp_path / "file.txt").write_bytes(TEXT.encode())
    for options in (DecodingOptions(), DecodingOptions(normalize="none", lowercase=True)):
        corpus, from_file = load_given_text(TEXT, options), load_corpus([tmp_path / "file.txt"], options)
        assert (corpus.text, corpus.digest, corpus.counts) == (from_file.text, from_file.digest, from_file.counts)
    assert (corpus.name, corpus.sources) == ("text", (STANDARD_INPUT,))


def test_messages_do_not_name_the_temporary_file():
    messages: list[str] = []
    assert load_given_text(BOOK, on_message=messages.append).text.strip() == "the text"
    assert len(messages) == 1
    assert messages[0].startswith("the text: ")
