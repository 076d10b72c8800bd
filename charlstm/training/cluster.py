"""The processes that train one network together: their addresses, and which of them this one is."""

import os
from dataclasses import dataclass
from typing import Any, Self

from charlstm.errors import SettingError, shown

SLURM, SLURM_PORT = "slurm", 8888  # of the first task on a machine; the next ones count up
TF_CONFIG = "TF_CONFIG"
MAX_WORKERS, MAX_PORT = 1024, 65_535
WORKER_TIMEOUT = 30.0  # seconds without an answer after which a worker counts as dead
MIN_TIMEOUT, MAX_TIMEOUT = 1.0, 3600.0
EXAMPLE = "127.0.0.1:7001,127.0.0.1:7002"


@dataclass(frozen=True)
class Cluster:
    """The addresses of all workers, HOST:PORT, and the index of this one. Worker 0 is the chief."""

    addresses: tuple[str, ...]
    index: int
    timeout: float = WORKER_TIMEOUT

    def __post_init__(self) -> None:
        """Raise SettingError if this is no cluster."""
        if not 2 <= len(self.addresses) <= MAX_WORKERS:
            raise SettingError(
                f"`workers` has {len(self.addresses)} address(es), but it must have from 2 to {MAX_WORKERS:,}",
                hint=f"give the addresses of all workers, separated by commas: {EXAMPLE}",
            )
        for address in self.addresses:
            _check_address(address)
        if len(set(self.addresses)) < len(self.addresses):
            raise SettingError("`workers` has the same address twice", hint="give each worker a port of its own")
        if not 0 <= self.index < len(self.addresses):
            raise SettingError(
                f"`worker_index` is {self.index}, but it must be from 0 to {len(self.addresses) - 1}",
                hint="number the workers in the order of their addresses; 0 is the chief",
            )
        if not MIN_TIMEOUT <= self.timeout <= MAX_TIMEOUT:
            raise SettingError(
                f"`worker_timeout` is {self.timeout:g} seconds, but it must be from {MIN_TIMEOUT:g} to {MAX_TIMEOUT:g}"
            )

    def __len__(self) -> int:
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def host(self) -> str:
        """Where this worker can be reached."""
        return self.addresses[self.index].rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of this worker."""
        return int(self.addresses[self.index].rpartition(":")[2])

    def name(self, index: int) -> str:
        """Return what a worker is called in messages."""
        return f"{'the chief' if index == 0 else f'worker {index}'} ({self.addresses[index]})"


@dataclass(frozen=True)
class ClusterOptions:
    """Where the workers are: addresses, or the environment variables that name them."""

    workers: str | None = None  # HOST:PORT,HOST:PORT or slurm[:PORT]; None: TF_CONFIG
    worker_index: int | None = None  # None: with SLURM and TF_CONFIG, which name it
    timeout: float = WORKER_TIMEOUT

    @classmethod
    def given(cls, workers: str | None, worker_index: int | None, timeout: float) -> Self | None:
        """Return the options, or None for a process that trains alone. Raises SettingError if they contradict."""
        if workers is None and worker_index is not None:
            raise SettingError("`worker_index` is given without `workers`", hint=f"give `workers` {EXAMPLE}")
        if workers is None and not os.environ.get(TF_CONFIG):
            return None
        options = cls(workers, worker_index, timeout)
        if options._names_addresses:
            options.cluster()  # raises for a wrong one, before TensorFlow is imported
        elif worker_index is not None:
            raise SettingError("`worker_index` has no effect: SLURM numbers its tasks", hint="leave it out")
        return options

    def cluster(self) -> Cluster | None:
        """Return the workers; None if TF_CONFIG names only one.

        TensorFlow reads the environment, unless there are addresses. Raises SettingError if it cannot be read, and
        LibraryError without TensorFlow.
        """
        if not self._names_addresses:
            return self._read_environment()
        if self.worker_index is None:
            raise SettingError("`worker_index` is missing", hint="number the workers from 0, in the order of `workers`")
        addresses = tuple(address.strip() for address in (self.workers or "").split(","))
        return Cluster(addresses, self.worker_index, self.timeout)

    @property
    def _names_addresses(self) -> bool:
        return self.workers is not None and self.workers.partition(":")[0] != SLURM

    def _read_environment(self) -> Cluster | None:
        source = TF_CONFIG if self.workers is None else "the environment of SLURM"
        try:
            resolver = _tf_config_resolver() if self.workers is None else _slurm_resolver(self.workers)
            tasks = [(job, *task) for job, tasks in _tasks_by_job(resolver.cluster_spec()) for task in tasks]
            own = resolver.task_type, resolver.task_id
            index = next((index for index, (job, task, _) in enumerate(tasks) if (job, task) == own), None)
        except (ValueError, TypeError, AttributeError, RuntimeError) as error:  # of TensorFlow's resolvers
            raise SettingError(
                f"{source} does not name the workers: {str(error).partition(chr(10))[0]}",
                hint="give their addresses with `workers` and `worker_index`",
            ) from error
        if self.workers is None and len(tasks) < 2:
            return None
        if index is None:
            raise SettingError(
                f"{source} gives this process the task {own[0]} {own[1]}, which does not train",
                hint="run charlstm in the tasks chief and worker only",
            )
        return Cluster(tuple(address for *_, address in tasks), index, self.timeout)


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) <= MAX_PORT) or "/" in host:
        raise SettingError(f"`workers` has the address {shown(address)}", hint=f"give HOST:PORT for each: {EXAMPLE}")


def _tf_config_resolver() -> Any:
    from charlstm.network.backend import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    return tf.distribute.cluster_resolver.TFConfigClusterResolver()


def _slurm_resolver(workers: str) -> Any:
    """Return a resolver of one worker for each task of the job step."""
    from charlstm.network.backend import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    port = workers.partition(":")[2]
    return tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=int(port) if port else SLURM_PORT, gpus_per_node=1024, gpus_per_task=1, auto_set_gpu=False
    )


def _tasks_by_job(cluster_spec: Any) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return the indices and addresses of the tasks that train: the chief, if there is one, and the workers."""
    jobs = cluster_spec.as_dict()
    return [(job, list(enumerate(jobs[job]))) for job in ("chief", "worker") if job in jobs]
