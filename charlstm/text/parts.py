"""The training, validation and test part of a text: where each is, and how it is read again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charlstm.errors import SettingError, shown
from charlstm.json_objects import check_is_object, object_from_json
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.splits import BYTES, CHARACTERS, PART_NAMES, PENN_TREEBANK, USUAL_SPLITS, parse_shares


@dataclass(frozen=True)
class PartsRequest:
    """How a text is to be divided, unless all of it is to be learned but a share for validation."""

    validation: str | None = None  # a text of its own
    test: str | None = None  # a text of its own
    split: str | None = None  # shares such as 90/5/5, or the name of a usual split

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            if self.split is not None and getattr(self, name) is not None:
                raise self._contradiction(name)
        if self.split is not None and not self.names_usual_split:
            parse_shares(self.split)

    @property
    def names_usual_split(self) -> bool:
        return self.split in USUAL_SPLITS or self.split == PENN_TREEBANK

    @property
    def has_own_validation(self) -> bool:
        """Whether the validation part is given, and not drawn from the text."""
        return self.validation is not None or self.split is not None

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raise SettingError for settings of a run that would change nothing, because the parts are given."""
        if self.split is not None and "validation" in settings:
            raise self._contradiction("validation")
        if self.has_own_validation and "validation_split" in settings:
            given = "`split`" if self.split is not None else "a file as `validation`"
            raise SettingError(
                f"`validation_split` has no effect: {given} says which characters are for validation",
                hint="leave it out",
            )

    def _contradiction(self, name: str) -> SettingError:
        return SettingError(f"`split` and `{name}` are both given", hint="`split` names all parts: leave the other out")


@dataclass(frozen=True)
class Part:
    """Where a part of a text is: in files of its own, or from `start` to before `end` in the text."""

    sources: list[str] = field(default_factory=list)  # full paths; none: it is in the text itself
    unit: str = CHARACTERS  # of the clean text that start and end count, or bytes of its only file
    start: int = 0
    end: int | None = None  # None: at the end
    num_characters: int = 0
    sha256: str = ""  # of its clean text in UTF-8

    def __post_init__(self) -> None:
        is_range = self.start >= 0 and (self.end is None or self.start < self.end)
        if self.unit not in (CHARACTERS, BYTES) or not is_range or (self.unit == BYTES and self.end is None):
            raise SettingError(f"{shown(self.to_json())} is no part of a text", hint="the file is damaged")

    @property
    def is_in_text(self) -> bool:
        """Whether the part is the clean text or a range of it."""
        return not self.sources and self.unit == CHARACTERS

    def describe(self) -> str:
        """Return in a few words where the part is."""
        if self.sources:
            return ", ".join(Path(source).name for source in self.sources)
        return f"{self.unit} {self.start:,} to {'the end' if self.end is None else f'{self.end - 1:,}'}"

    def to_json(self) -> dict[str, Any]:
        place = {"sources": self.sources} if self.sources else {"unit": self.unit, "start": self.start, "end": self.end}
        return place | {"num_characters": self.num_characters, "sha256": self.sha256}


@dataclass(frozen=True)
class Parts:
    """Where the parts of a text are; without a validation part, a share of the training part is for validation."""

    by_name: dict[str, Part]  # by those of PART_NAMES that there are, always with `training`
    split: str | None = None  # as it was given
    reading: DecodingOptions | None = None  # of files of their own, if they are not read as the text

    @property
    def training(self) -> Part:
        return self.by_name["training"]

    @property
    def validation(self) -> Part | None:
        return self.by_name.get("validation")

    @property
    def test(self) -> Part | None:
        return self.by_name.get("test")

    @property
    def request(self) -> PartsRequest:
        """How the text was divided."""
        if self.split:
            return PartsRequest(split=self.split)
        files = {name: part.sources[0] for name, part in self.by_name.items() if part.sources and name != "training"}
        return PartsRequest(**files)

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {name: part.to_json() for name, part in self.by_name.items()}
        values |= {"reading": self.reading.to_json()} if self.reading else {}
        return values | ({"split": self.split} if self.split else {})

    @classmethod
    def from_json(cls, values: Any) -> "Parts | None":
        """Read what `to_json` returned; None for None. Raises SettingError for anything else."""
        if values is None:
            return None
        check_is_object(values)
        rest = {name: value for name, value in values.items() if name not in PART_NAMES}
        reading = object_from_json(DecodingOptions, rest["reading"]) if rest.get("reading") is not None else None
        by_name = {name: object_from_json(Part, values[name]) for name in PART_NAMES if name in values}
        if "training" not in by_name:
            raise SettingError("the text has no training part", hint="the file is damaged")
        return object_from_json(cls, rest | {"by_name": by_name, "reading": reading})
