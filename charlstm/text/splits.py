"""How a text is divided into training, validation and test parts: by shares, or as published work divides it."""

import math
from dataclasses import dataclass
from pathlib import Path

from charlstm.errors import CorpusError, SettingError, did_you_mean, shown

CHARACTERS, BYTES = "characters", "bytes"
PART_NAMES = ("training", "validation", "test")
PENN_TREEBANK = "ptb"
PENN_TREEBANK_FILES = ("ptb.{}.txt", "ptb.char.{}.txt")  # the second has characters as words, and _ for a space
EXAMPLE = "give shares such as 90/5/5, or the name of a usual split: {}"


@dataclass(frozen=True)
class UsualSplit:
    """The lengths of the parts of a well-known text, in order: training, validation and, if there are three, test."""

    sizes: tuple[int, ...]
    unit: str = CHARACTERS  # of the clean text, or bytes of the file

    @property
    def total(self) -> int:
        return sum(self.sizes)

    def check_total(self, total: int, *, name: str, text: str) -> None:
        """Raise CorpusError unless a text has the length that is divided."""
        if total != self.total:
            raise CorpusError(
                f"`split` {name} divides {self.total:,} {self.unit}, but {text} has {total:,}",
                hint=f"give the whole, unchanged text, or `split` in shares: 90/5{'/5' if len(self.sizes) > 2 else ''}",
            )


# enwik8: the first 90 MB train, the next 5 MB validate, the rest tests (Chung et al. 2015, arXiv:1502.02367, section 5;
#   Al-Rfou et al. 2018, arXiv:1808.04444; salesforce/awd-lstm-lm, data/enwik8/prep_enwik8.py, which cuts bytes).
# text8: likewise (Mikolov et al. 2012, "Subword language modeling with neural networks"; arXiv:1808.04444). All of its
#   characters are single bytes.
# tinyshakespeare: characters 0 to int(0.9 * 1,115,394) - 1 train, the rest validates (karpathy/nanoGPT,
#   data/shakespeare_char/prepare.py: 1,003,854 and 111,540 tokens). There is no test part.
USUAL_SPLITS = {
    "enwik8": UsualSplit((90_000_000, 5_000_000, 5_000_000), BYTES),
    "text8": UsualSplit((90_000_000, 5_000_000, 5_000_000)),
    "tinyshakespeare": UsualSplit((1_003_854, 111_540)),
}
SPLIT_NAMES = (*USUAL_SPLITS, PENN_TREEBANK)


def parse_shares(split: str) -> tuple[float, ...]:
    """Return the shares that `90/5/5` or `90/10` names: training, validation and test, together 1.

    Only their relation counts. Raises SettingError for anything else.
    """
    try:
        shares = tuple(map(float, split.split("/")))
    except ValueError:
        shares = ()
    if len(shares) not in (2, 3) or not all(0 < share < math.inf for share in shares):
        raise SettingError(
            f"`split` is {shown(split)}, which is neither a usual split nor two or three numbers above 0",
            hint=did_you_mean(split, SPLIT_NAMES, otherwise=EXAMPLE.format(", ".join(SPLIT_NAMES))),
        )
    return tuple(share / sum(shares) for share in shares)


def sizes_of_shares(split: str, total: int) -> tuple[int, ...]:
    """Return how many of `total` characters each share of a split has. Raises CorpusError if it is none."""
    shares = parse_shares(split)
    ends = [round(total * sum(shares[: index + 1])) for index in range(len(shares))]
    sizes = tuple(end - start for start, end in zip([0, *ends], ends, strict=False))
    if 0 in sizes:
        raise CorpusError(
            f"`split` {split} of {total:,} characters leaves none for the {PART_NAMES[sizes.index(0)]} part",
            hint="give a longer text, or other shares",
        )
    return sizes


def penn_treebank_files(texts: list[str]) -> tuple[str, ...]:
    """Return the three files of the Penn Treebank as prepared for language models: training, validation, test.

    `texts` is the first of them or their folder. They are those of Mikolov's simple-examples: ptb.train.txt,
    ptb.valid.txt and ptb.test.txt, sections 0-20, 21-22 and 23-24 (Mikolov et al. 2010, "Recurrent neural network based
    language model"), or the same names with ptb.char. Raises CorpusError if one is missing.
    """
    given = Path(texts[0])
    is_folder = given.is_dir()
    for pattern in PENN_TREEBANK_FILES:
        folder = given if is_folder else given.parent
        files = [folder / pattern.format(part) for part in ("train", "valid", "test")]
        if len(texts) == 1 and (files[0].is_file() if is_folder else files[0].name == given.name):
            break
    else:
        raise CorpusError(
            f"`split` {PENN_TREEBANK} needs ptb.train.txt, or the folder that it is in, but got {', '.join(texts)}",
            hint="give that file; for files of other names use `validation` FILE and `test` FILE",
        )
    if missing := [file for file in files if not file.is_file()]:
        raise CorpusError(
            f"`split` {PENN_TREEBANK} needs {missing[0]}, which is not there",
            hint="put the three files beside each other, or use `validation` FILE and `test` FILE",
        )
    return tuple(map(str, files))
