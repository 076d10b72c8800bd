"""The text that all runs of an experiment share, and whether it is still the same when the experiment is continued."""

from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.part_reader import DividedText, PartReader
from charlstm.text.parts import Parts
from charlstm.training.run_request import NewRunRequest

WORDS = {"training": "text", "validation": "validation part", "test": "test part"}


def read_shared_text(run: NewRunRequest, decoding: DecodingOptions | None = None) -> DividedText:
    """Read the text of an experiment and its parts; `decoding` is that of the request unless it is given.

    Raises CharLSTMError if one of them cannot be read.
    """
    return PartReader(run.texts, decoding or run.decoding, own_run=run.folder.path).divide(run.parts)


def changed_parts(sha256: str, parts: Parts | None, divided: DividedText) -> list[str]:
    """Return what of a text is no longer as it was recorded, in the words that an error names it by.

    `sha256` is the digest of the training and the validation part together; `parts` says how the text was divided.
    """
    then, now = _digests(sha256, parts), _digests(divided.corpus.digest, divided.parts)
    changed = [words for name, words in WORDS.items() if then.get(name) != now.get(name)]
    split_then, split_now = (found.split if found else None for found in (parts, divided.parts))
    return ["`split`"] if changed and split_then != split_now else changed


def _digests(sha256: str, parts: Parts | None) -> dict[str, str]:
    """Return the digest of each part of a text by name; without parts all of it is for training."""
    return {name: part.sha256 for name, part in parts.by_name.items()} if parts else {"training": sha256}
