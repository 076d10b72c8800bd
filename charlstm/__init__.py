"""Train a character-level LSTM on a text and generate more in its style.

    model = charlstm.load("runs/macbeth")
    print(charlstm.generate(model, "Tomorrow, and tomorrow"))

Nothing is imported before it is used: `import charlstm` imports neither NumPy nor TensorFlow, and only `train`,
`resume` and `adapt` import TensorFlow. See docs/python.md.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Baseline",
    "CharLSTMError",
    "Evaluation",
    "LineScores",
    "ModelConfig",
    "PairedScores",
    "PassageScores",
    "Progress",
    "Scores",
    "TextEvaluation",
    "TrainedModel",
    "TrainedRun",
    "Vocabulary",
    "evaluate",
    "generate",
    "load",
    "resume",
    "score",
    "stream",
    "train",
]

if TYPE_CHECKING:
    from charlstm.api import (
        Baseline,
        CharLSTMError,
        Evaluation,
        LineScores,
        ModelConfig,
        PairedScores,
        PassageScores,
        Progress,
        Scores,
        TextEvaluation,
        TrainedModel,
        TrainedRun,
        Vocabulary,
        evaluate,
        generate,
        load,
        resume,
        score,
        stream,
        train,
    )
else:  # type checkers do not see this function, so they notice names that do not exist

    def __getattr__(name: str) -> object:
        """Import the public names when one of them is used for the first time."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=None)
        from charlstm.machine import prefer_avx512_openblas

        prefer_avx512_openblas()  # as the command does, so that both give the same texts
        from charlstm import api

        globals().update({public: getattr(api, public) for public in __all__})
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
