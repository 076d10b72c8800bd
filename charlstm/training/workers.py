"""Several processes that train one network together, connected by TensorFlow's collective operations.

Everything that they exchange is one operation, a sum over all workers: gradients are added up; what the chief sends is
the sum of its values and the others' zeros; what is gathered is a sum in which each worker has a part of its own. Bits
that must not change are summed as integers. All workers call the same sums in the same order.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.eager import context as eager_context

from charlstm.errors import TrainingError
from charlstm.training.cluster import Cluster
from charlstm.training.interruption import Interruption

JOIN_TIMEOUT = 600.0  # seconds that workers wait for each other at the start
ASK_AGAIN_AFTER, MAX_LAST_ANSWER = 0.5, 2.0  # seconds
GROUP = 1  # the key of all workers
MESSAGE, REPORT, GRADIENTS, GATHERED, VARIABLES = 1, 2, 3, 1000, 2000  # keys of the sums; the last two count up
MESSAGE_WORDS, REPORT_WORDS = 1024, 128  # of 32 bits, in one sum: of a message's part, and of each worker's report
MAX_MESSAGE = 1 << 26  # bytes
JOB = "worker"
LOST_ERRORS = (  # of an operation that waits for a worker which is lost, and of all after it
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


class Workers:
    """The connection of this process to the other workers.

    Every method that exchanges something raises TrainingError if a worker does not answer any more. No worker waits
    for another for longer than the cluster's timeout, unless that one answers: a thread asks at intervals.
    """

    def __init__(self, cluster: Cluster, interruption: Interruption) -> None:
        """Start TensorFlow's server; it must be called before TensorFlow's first operation.

        The chief's `interruption` learns of signals that other workers get, whose own only passes them on.
        """
        self.cluster, self._interruption = cluster, interruption
        self._context = eager_context.context()
        self._lost: str | None = None  # the name of a worker that does not answer
        self._ended = threading.Event()
        self._has_last_message = False
        self._is_in_step = False  # whether the others are in an operation that this worker has not finished
        self._sums: dict[tuple[int, Any, Any], Any] = {}  # graphs by key, shape and dtype
        self._start_server()

    def __len__(self) -> int:
        return len(self.cluster)

    @property
    def is_chief(self) -> bool:
        return self.cluster.is_chief

    def join(self, show_status: Callable[[str], None]) -> None:
        """Wait until all workers have started. Raises TrainingError after JOIN_TIMEOUT."""
        end = time.monotonic() + JOIN_TIMEOUT
        for index in self._watched:
            while problem := self._problem_with(index, ASK_AGAIN_AFTER):
                name = self.cluster.name(index)
                if time.monotonic() > end:
                    raise TrainingError(
                        f"{name} has not started: {problem}", hint="start all workers, each with its `worker_index`"
                    )
                show_status(f"waiting for {name}")
                time.sleep(ASK_AGAIN_AFTER)
        threading.Thread(target=self._watch, daemon=True).start()

    def own_part(self, number: int) -> range:
        """Return which of a number of things are this worker's, as equal a part as possible."""
        first, last = (number * index // len(self) for index in (self.cluster.index, self.cluster.index + 1))
        return range(first, last)

    def sum_in_graph(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the sums of floating-point tensors over all workers, from one operation in the graph of a step."""
        vector = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)
        pieces = tf.split(self._sum(vector, GRADIENTS), [math.prod(tensor.shape) for tensor in tensors])
        return [tf.reshape(piece, tensor.shape) for piece, tensor in zip(pieces, tensors, strict=True)]

    def send(self, **message: Any) -> None:
        """Send a message to all others; only the chief does."""
        content = json.dumps(message).encode()
        for start in range(0, len(content), 4 * MESSAGE_WORDS):
            self._exchange_part(len(content), content[start : start + 4 * MESSAGE_WORDS])

    def receive(self) -> dict[str, Any]:
        """Return the next message of the chief."""
        length, content = self._exchange_part(0, b"")
        if not 0 < length <= MAX_MESSAGE:
            raise TrainingError(f"{self.cluster.name(0)} sent a message of {length:,} bytes")
        while len(content) < length:
            content += self._exchange_part(0, b"")[1]
        message: dict[str, Any] = json.loads(content[:length])
        self._has_last_message = message["do"] == "end"
        return message

    def report(self, problem: str) -> list[str]:
        """Tell all others what is wrong here, or an empty string; return what each worker says."""
        reports = np.zeros((len(self), REPORT_WORDS), np.int32)
        reports[self.cluster.index] = _as_words(problem.encode()[: 4 * REPORT_WORDS], REPORT_WORDS)
        found = self._run_sum(reports, REPORT)
        return [row.tobytes().rstrip(b"\0").decode(errors="replace") for row in found]

    def copy(self, variables: Sequence[Any]) -> None:
        """Set variables of all workers to those of the chief."""
        for index, variable in enumerate(variables):
            values = variable.numpy()
            words = _bits(values if self.is_chief else np.zeros_like(values))
            found = self._run_sum(words, VARIABLES + index)
            variable.assign(found.view(values.dtype).reshape(values.shape))

    def gather(self, arrays: Sequence[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
        """Return arrays of which each worker has another part, and zeros in the other parts."""
        found = [self._run_sum(_bits(array), GATHERED + index) for index, array in enumerate(arrays)]
        return [words.view(np.float32).reshape(array.shape) for words, array in zip(found, arrays, strict=True)]

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run something in this context that all workers run at the same time.

        If it fails, the others are left alone with it, and find out by themselves. Raises TrainingError in the place
        of TensorFlow's errors about workers that are lost.
        """
        was_in_step, self._is_in_step = self._is_in_step, True
        try:
            yield
        except LOST_ERRORS as error:
            raise self._lost_error() from error
        self._is_in_step = was_in_step

    def end(self, **message: Any) -> None:
        """End training on all workers, with a message from the chief, unless one is lost or stuck in a step."""
        if self._is_in_step or not (self.is_chief or self._has_last_message):
            return
        with suppress(TrainingError):
            if self.is_chief:
                self.send(do="end", **message)
            self.report("")  # the chief leaves after the others have its message
        self._ended.set()

    @property
    def _watched(self) -> range:
        """The workers that this one asks for signs of life: the chief asks all, and all ask the chief."""
        return range(1, len(self)) if self.is_chief else range(1)

    def _start_server(self) -> None:
        """Start TensorFlow's server, without the coordination service of tf.distribute's strategies.

        While that waits for other workers, SIGTERM does not end the process.
        """
        cluster, index = self.cluster, self.cluster.index
        self._context.configure_collective_ops(collective_leader=_task(0), device_filters=(f"/job:{JOB}/task:{index}",))
        server = tf.train.ServerDef(
            cluster=tf.train.ClusterSpec({JOB: cluster.addresses}).as_cluster_def(),
            job_name=JOB,
            task_index=index,
            protocol="grpc",
            port=cluster.port,
            default_session_config=self._context.config,
        )
        try:
            self._context.enable_collective_ops(server)
            self._context.ensure_initialized()
        except tf.errors.OpError as error:
            raise TrainingError(
                f"no server can be started at {cluster.addresses[index]}",
                hint="check that no other process uses this port, and that the addresses can be resolved",
            ) from error

    def _sum(self, tensor: tf.Tensor, key: int) -> tf.Tensor:
        with tf.device("CPU:0"):
            return tf.raw_ops.CollectiveReduceV2(
                input=tensor,
                group_size=len(self),
                group_key=GROUP,
                instance_key=key,
                ordering_token=[],
                merge_op="Add",
                final_op="Id",
                communication_hint="ring",
            )

    def _run_sum(self, words: npt.NDArray[np.int32], key: int) -> npt.NDArray[np.int32]:
        graph = self._sums.get((key, words.shape, words.dtype))
        if graph is None:
            function = tf.function(lambda tensor: self._sum(tensor, key), autograph=False)
            graph = function.get_concrete_function(tf.TensorSpec(words.shape, words.dtype))
            self._sums[key, words.shape, words.dtype] = graph
        with self.step():
            found: npt.NDArray[np.int32] = graph(tf.constant(words)).numpy()
        return found

    def _exchange_part(self, length: int, content: bytes) -> tuple[int, bytes]:
        """Exchange a message's length and a part of it; others than the chief only say whether they got a signal."""
        has_signal = self._interruption.signal_number is not None and not self.is_chief
        words = np.concatenate([np.array([length, has_signal], np.int32), _as_words(content, MESSAGE_WORDS)])
        found = self._run_sum(words, MESSAGE)
        if self.is_chief and found[1]:
            self._interruption.stop()
        return int(found[0]), found[2:].tobytes()

    def _problem_with(self, index: int, timeout: float) -> str:
        """Return why a worker does not answer, or an empty string."""
        try:
            self._context.check_collective_ops_peer_health(_task(index), timeout_in_ms=round(1000 * timeout))
        except tf.errors.FailedPreconditionError:
            return "another process has taken its place"
        except tf.errors.OpError:
            return "it does not answer"
        return ""

    def _watch(self) -> None:
        """Ask the others at intervals; if one does not answer, let the operations fail that wait for it."""
        while not self._ended.wait(self.cluster.timeout / 2):
            for index in self._watched:
                if not self._ended.is_set() and self._problem_with(index, self.cluster.timeout / 2):
                    self._lost = self.cluster.name(index)
                    self._context.abort_collective_ops(tf.errors.UNAVAILABLE, "a worker does not answer")
                    return

    def _lost_error(self) -> TrainingError:
        silent = [self.cluster.name(index) for index in self._watched if self._problem_with(index, MAX_LAST_ANSWER)]
        lost = self._lost or " and ".join(silent) or "another worker"
        return TrainingError(
            f"{lost} does not answer any more, so training cannot continue",
            hint="the run is saved up to its last checkpoint: resume it with these workers or others, or alone",
        )


def _task(index: int) -> str:
    return f"/job:{JOB}/replica:0/task:{index}"


def _as_words(content: bytes, num_words: int) -> npt.NDArray[np.int32]:
    return np.frombuffer(content.ljust(4 * num_words, b"\0"), np.int32)


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Return an array's bits as a vector of integers: sums of those are exact."""
    return np.ascontiguousarray(values).reshape(-1).view(np.int32)
