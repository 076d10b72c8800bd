"""What the models that a model started from (`train --from`) had learned of a text that it is to be scored on.

The run of a model says which file it started from, the run of that file the same, and so on. A model file that stands
alone says nothing about it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from charlstm.analysis.trained_text import MIN_SHARED_SHARE, TOO_GOOD, share_of_training_text
from charlstm.arrays import Ids
from charlstm.errors import CharLSTMError
from charlstm.storage.find_runs import model_name
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.run_summary import settings_of_model
from charlstm.storage.shipped_models import shipped_name
from charlstm.text.id_files import in_chunks
from charlstm.text.vocabulary import Vocabulary

MAX_MODELS = 8  # that are followed back


@dataclass(frozen=True)
class EarlierText:
    """How much of a text stands in what an earlier model was trained on."""

    model: Path
    share: float

    @property
    def is_worth_a_warning(self) -> bool:
        return self.share >= MIN_SHARED_SHARE

    def describe(self, text: str) -> str:
        """Return a warning about a text of this name."""
        name = model_name(self.model)
        return f"{self.share:.0%} of {text} stands in the text of {name}, which the model started from: {TOO_GOOD}"


def find_earlier_text(path: Path, model: Model, vocabulary: Vocabulary, ids: Ids) -> EarlierText | None:
    """Return which of the models that the model in a file started from has learned most of a text.

    The text is ids (characters,) of the vocabulary. None if no earlier model is known, or if none of their texts can be
    read any more.
    """
    found = []
    for earlier_path, earlier in _earlier_models(path, model):
        chunks = map(vocabulary.decode, in_chunks(ids))
        share = share_of_training_text(RunFolder(earlier_path.parent), earlier, chunks)
        if share is not None:
            found.append(EarlierText(earlier_path, share))
    return max(found, key=lambda one: one.share, default=None)


def _earlier_models(path: Path, model: Model) -> Iterator[tuple[Path, Model]]:
    """Yield the model that a model started from, the one that this started from, and so on, as far as they exist."""
    seen = {path.resolve()}
    with suppress(CharLSTMError):
        for _ in range(MAX_MODELS):
            origin = RunOrigin.from_json(settings_of_model(path, model.training).get("origin"))
            if origin is None or not origin.start_from or shipped_name(origin.start_from):
                return  # of models that ship there is no run
            path = Path(origin.start_from)
            if path.resolve() in seen:
                return
            seen.add(path.resolve())
            model = load_model(path)
            yield path, model
