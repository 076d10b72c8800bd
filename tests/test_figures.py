"""Numbers as people write them."""

import pytest

from charlstm.figures import counted, plain


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (1e16, None, "10,000,000,000,000,000"),
        (2345.6, 2, "2,300"),
        (99.7, 2, "100"),
        (4e-05, None, "0.00004"),
        (0.0, None, "0"),
        (30, None, "30"),
        (0.30000000000000004, 2, "0.3"),
        (1234.5, None, "1,234.5"),
    ],
)
def test_numbers_have_no_exponent(value, digits, expected):
    assert plain(value, digits=digits) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(1, "1 epoch"), (1.04, "1 epoch"), (0.5, "0.5 epochs"), (2e3, "2,000 epochs")]
)
def test_nouns_are_in_the_right_number(value, expected):
    assert counted(value, "epoch", digits=2) == expected
