"""The score on the test part: once, after everything was chosen on the validation part."""

from dataclasses import dataclass
from typing import Any

from charlstm.analysis.evaluation import Scores
from charlstm.analysis.report import evaluate_ids
from charlstm.analysis.trained_text import part_of_run
from charlstm.analysis.training_text import find_recorded_text
from charlstm.storage.model_file import load_model
from charlstm.storage.run_folder import RunFolder


@dataclass(frozen=True)
class FinalTest:
    """How well the best model of a run predicts the test part."""

    run: str  # the name of its folder
    scores: Scores
    num_skipped: int  # characters that the model does not know

    def to_json(self) -> dict[str, Any]:
        return {"run": self.run} | self.scores.to_json() | {"left_out": self.num_skipped}


def report_test(run: RunFolder) -> FinalTest | None:
    """Score the best model of a run on its test part; None if it has none.

    Raises CharLSTMError if the run does not say which text that is, or if the text is gone or has changed.
    """
    parts = find_recorded_text(run).parts
    if parts is None or parts.test is None:
        return None
    model = load_model(run.model)
    encoded = part_of_run(run.model, model, "test").encoded
    return FinalTest(run.path.name, evaluate_ids(model, encoded.ids).scores, encoded.num_skipped)
