"""A log for TensorBoard: scalars, samples and hyper-parameters in one event file."""

from collections.abc import Iterator, Sequence
from typing import Any

from charlstm.training.evaluation_files import EvaluationFile
from charlstm.training.history import Evaluation
from charlstm.training.logs.event_file import hparams_content, record
from charlstm.training.logs.logged_run import LoggedRun, figures, markdown_code

FILE_VERSION = "brain.Event:2"
HPARAMS_TAG = "_hparams_/session_start_info"


class TensorBoardLog:
    """Writes an event file in the run folder, in place of TensorFlow's writer, which would add one at each resume.

    Like the history, it holds what the checkpoint holds after a resume.
    """

    def __init__(self, run: LoggedRun) -> None:
        self._run = run
        self._file = EvaluationFile(run.folder.event_file, self._records)

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Append the records that the file lacks. Raises RunError if it cannot be written."""
        self._file.write(evaluations)

    def close(self, *, finished: bool) -> None:
        """Do nothing: each record is on disk."""

    def _records(self, index: int, evaluation: Evaluation) -> bytes:
        events = [] if index else self._first_events()
        return b"".join(record(event.SerializeToString()) for event in [*events, self._event(evaluation)])

    def _first_events(self) -> list[Any]:
        from tensorflow.compat.v1 import Event, Summary

        started = self._run.timestamp(0.0)
        content = hparams_content(self._run.hyper_parameters, started=started)
        summary = Summary(value=[_tensor_value(HPARAMS_TAG, 0.0, plugin="hparams", content=content)])
        return [
            Event(wall_time=started, file_version=FILE_VERSION),
            Event(wall_time=started, summary=summary),
        ]

    def _event(self, evaluation: Evaluation) -> Any:
        from tensorflow.compat.v1 import Event, Summary

        summary = Summary(value=_values(evaluation))
        return Event(wall_time=self._run.timestamp(evaluation.seconds), step=evaluation.step, summary=summary)


def _values(evaluation: Evaluation) -> Iterator[Any]:
    from tensorflow.compat.v1 import Summary

    for name, value in figures(evaluation).items():
        yield Summary.Value(tag=name, simple_value=value)
    yield _tensor_value("sample", markdown_code(evaluation.sample).encode(), plugin="text")


def _tensor_value(tag: str, value: bytes | float, *, plugin: str, content: bytes = b"") -> Any:
    """Return a value of a summary that a plugin of TensorBoard shows."""
    import tensorflow as tf

    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data={"plugin_name": plugin, "content": content}, data_class="DATA_CLASS_TENSOR"
    )
    tensor = tf.make_tensor_proto([value])
    return tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
