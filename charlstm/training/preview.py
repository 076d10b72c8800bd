"""Preview the settings that training on a text would choose, without starting TensorFlow to measure the machine."""

from charlstm.config import PRECISIONS
from charlstm.durations import format_duration
from charlstm.machine import load_throughput, num_cores
from charlstm.training.auto_config import AutoConfigInputs, choose_settings, default_max_time
from charlstm.training.described_settings import describe_settings

NOMINAL_THROUGHPUT = 7e10  # floating-point operations per second and core, until a run has measured it


def expected_throughput() -> float:
    """Return the speed of this machine: the best one measured, or that of a usual one."""
    return load_throughput(*PRECISIONS) or NOMINAL_THROUGHPUT * num_cores()


def preview_settings(num_characters: int, vocabulary_size: int) -> str:
    """Return one line with the settings that would be chosen for a text of this size."""
    num_training = max(1, num_characters * 9 // 10)  # the rest is for validation
    inputs = AutoConfigInputs(num_training, vocabulary_size, num_cores(), expected_throughput(), may_have_teachers=True)
    seconds = default_max_time(num_training)
    return f"{describe_settings(choose_settings(inputs, {}), {}, inputs)}, about {format_duration(seconds)} of training"
