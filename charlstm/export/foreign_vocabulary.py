"""The characters that ids of another library's model stand for, in JSON."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from charlstm.atomic_files import open_regular
from charlstm.errors import CharLSTMError, VocabularyError, shown
from charlstm.json_objects import object_from_json, parse_json
from charlstm.text.vocabulary import MAX_VOCABULARY, RARE_CHARACTER, Vocabulary

MAX_BYTES = 4 << 20
HINT = 'give a JSON list of characters by id, an object such as {"a": 0, "b": 1}, or one string'


@dataclass(frozen=True)
class ForeignVocabulary:
    """A vocabulary, whose characters are ordered by code point, and the id that each of them has in the other model."""

    vocabulary: Vocabulary
    ids: list[int] = field(default_factory=list)


def read_vocabulary(path: Path) -> ForeignVocabulary:
    """Read a vocabulary. Raises VocabularyError for a file that is none."""
    try:
        with open_regular(path) as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise VocabularyError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error
    if len(content) > MAX_BYTES:
        raise VocabularyError(f"{path} has more than {MAX_BYTES:,} bytes", hint=HINT)
    try:
        return vocabulary_from_json(parse_json(content.decode("utf-8-sig")))
    except CharLSTMError as error:
        raise VocabularyError(f"{path}: {error}", hint=error.hint or HINT) from error
    except ValueError as error:
        raise VocabularyError(f"{path} is not JSON: {error}", hint=HINT) from error


def vocabulary_from_json(value: Any) -> ForeignVocabulary:
    """Return the vocabulary of a JSON value: what a charlstm file has, or a list, object or string of characters.

    An entry of several characters, such as "[UNK]", becomes the stand-in for rare characters; there may be one.
    """
    if isinstance(value, dict) and isinstance(value.get("characters"), str) and len(value["characters"]) > 1:
        vocabulary = object_from_json(Vocabulary, value)
        return ForeignVocabulary(vocabulary, list(range(len(vocabulary))))
    entries = _entries(value)
    if not 1 <= len(entries) <= MAX_VOCABULARY:
        raise VocabularyError(f"it has {len(entries):,} characters", hint=f"it may have 1 to {MAX_VOCABULARY:,}")
    unknown = [entry for entry in entries if len(entry) != 1]
    if len(unknown) > 1:
        raise VocabularyError(f"{shown(unknown[0])} and {shown(unknown[1])} are not single characters", hint=HINT)
    if unknown:
        entries = [entry if len(entry) == 1 else RARE_CHARACTER for entry in entries]
    ids = sorted(range(len(entries)), key=entries.__getitem__)
    characters = "".join(entries[id_] for id_ in ids)
    twice = next((a for a, b in pairwise(characters) if a == b), None)
    if twice is not None:
        raise VocabularyError(f"{shown(twice)} has two ids", hint=HINT)
    stand_in = RARE_CHARACTER if unknown else None
    return ForeignVocabulary(Vocabulary(characters, unknown=stand_in, normalize="none"), ids)


def _entries(value: Any) -> list[str]:
    """Return the entries by id of a list, a string, or an object from entries to ids or from ids to entries."""
    if isinstance(value, str):
        return list(value)
    if isinstance(value, dict):
        by_id = {_id(b if _is_id(b) else a): a if _is_id(b) else b for a, b in value.items()}
        if by_id.keys() != set(range(len(value))):
            raise VocabularyError(f"its ids are not those from 0 to {len(value) - 1:,}, each once", hint=HINT)
        value = [by_id[id_] for id_ in range(len(by_id))]
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise VocabularyError("it is no vocabulary", hint=HINT)
    return value


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _id(value: Any) -> int:
    """Return an id, which is a string if it is the key of an object; -1 for anything else."""
    if _is_id(value):
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 9 else -1
