"""Numbers as people write them: no exponents, and nouns in the right number."""

from decimal import Decimal


def plain(value: float, *, digits: int | None = None) -> str:
    """Write a number without an exponent, with commas between thousands, and rounded to significant digits if asked.

    >>> plain(2345.0, digits=2), plain(4e-05), plain(3.0)
    ('2,300', '0.00004', '3')
    """
    rounded = value if digits is None else float(f"{value:.{digits}g}")
    return f"{Decimal(str(rounded)).normalize():,f}"


def counted(value: float, noun: str, *, digits: int | None = None) -> str:
    """Write a number of things: `1 epoch`, `2,300 epochs`, `0.5 epochs`.

    >>> counted(1.0, "epoch"), counted(99.6, "second", digits=2)
    ('1 epoch', '100 seconds')
    """
    number = plain(value, digits=digits)
    return f"{number} {noun}" + ("" if number == "1" else "s")
