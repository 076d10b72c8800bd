"""The interface for Python programs: thin functions over the packages, the same ones that the command line calls.

It never prints. Messages go to the logger `charlstm`: warnings, and at level INFO the messages of the command.
"""

from charlstm.analysis.against import PairedScores
from charlstm.analysis.baselines import Baseline
from charlstm.analysis.breakdown import LineScores
from charlstm.analysis.evaluation import Scores
from charlstm.analysis.odd_texts import PassageScores
from charlstm.api.evaluation import TextEvaluation, evaluate
from charlstm.api.generating import generate, stream
from charlstm.api.model import TrainedModel, load
from charlstm.api.scoring import score
from charlstm.api.training import TrainedRun, resume, train
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.history import Evaluation, Progress

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
