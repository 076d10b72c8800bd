"""How the bytes of a text are to be read."""

import codecs
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from charlstm.errors import SettingError, shown
from charlstm.text.normal_form import NORMAL_FORMS

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class DecodingOptions:
    """How bytes become text."""

    encoding: str | None = None  # None: detected
    normalize: str = "nfc"
    keep_boilerplate: bool = False
    lowercase: bool = False

    def __post_init__(self) -> None:
        if self.normalize not in NORMAL_FORMS:
            raise SettingError(
                f"`normalize` is {shown(self.normalize)}, but it must be one of {', '.join(NORMAL_FORMS)}",
                hint="leave it out for nfc",
            )
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            raise SettingError(
                f"there is no encoding {shown(self.encoding)}",
                hint="try `encoding` utf-8, latin-1 or cp1252, or leave it out",
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _is_text_encoding(name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses codecs of other things than text, such as zlib
    except (LookupError, ValueError):
        return False
    return True
