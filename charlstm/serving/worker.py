"""The thread that owns a model, and generates everything that is asked of it in batches."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from charlstm.arrays import Ids, Logits
from charlstm.config import SamplingConfig
from charlstm.errors import shown
from charlstm.generation.generate import LanguageModel, States, max_streams, prompt_ids
from charlstm.serving.batch import Batch, GrowingText, Piece

MAX_ROWS = 64  # texts that grow side by side
READ_CHUNK = 256  # characters of a prompt that are read in one call
READ_TURN = 2048  # characters of all prompts that are read before the texts under way go on

Pieces = Sequence[tuple[GrowingText, Piece]]


@dataclass
class Reading:
    """A prompt that is being read, and the texts that continue it."""

    ids: Ids
    states: States
    texts: list[GrowingText] = field(default_factory=list)
    logits: Logits = field(default_factory=lambda: np.empty(0))  # after what has been read
    num_read: int = 0

    @property
    def is_complete(self) -> bool:
        return self.num_read == len(self.ids)

    def read(self, model: LanguageModel) -> int:
        """Read the next characters and return how many."""
        chunk = self.ids[None, self.num_read : self.num_read + READ_CHUNK]
        logits, self.states = model.read(chunk, self.states)
        self.logits = np.array(logits[:, -1])
        self.num_read += chunk.shape[1]
        return int(chunk.shape[1])


class Worker:
    """Generates texts with one model. Other threads submit them and get their pieces through `publish`."""

    def __init__(
        self, model: LanguageModel, *, max_waiting: int, on_failure: Callable[[str], None] = lambda _: None
    ) -> None:
        self._model, self._on_failure = model, on_failure
        self._max_rows = min(MAX_ROWS, max_streams(model))
        self._max_open = self._max_rows + max_waiting
        self._publish: Callable[[Pieces], None] = lambda _: None
        self._changed = threading.Condition()
        self._arrived: deque[tuple[GrowingText, Ids]] = deque()
        self._num_running, self._is_closed = 0, False
        self._readings: dict[bytes, Reading] = {}  # this and the batches belong to the thread
        self._batches: dict[SamplingConfig, Batch] = {}
        self._thread = threading.Thread(target=self._run, name="charlstm-worker", daemon=True)

    def start(self, publish: Callable[[Pieces], None]) -> None:
        """Start the thread; it calls `publish` with the pieces of each turn."""
        self._publish = publish
        self._thread.start()

    @property
    def num_open(self) -> int:
        """How many texts grow or wait."""
        with self._changed:
            return len(self._arrived) + self._num_running

    def submit(self, texts: Sequence[GrowingText]) -> bool:
        """Queue texts; return whether there was room for all of them. If not, none is queued."""
        prompts = [prompt_ids(self._model, text.request) for text in texts]
        with self._changed:
            if len(self._arrived) + self._num_running + len(texts) > self._max_open:
                self._arrived = deque((text, ids) for text, ids in self._arrived if text.is_open)
            if self._is_closed or len(self._arrived) + self._num_running + len(texts) > self._max_open:
                return False
            self._arrived.extend(zip(texts, prompts, strict=True))
            self._changed.notify()
        return True

    def close(self) -> None:
        """End the thread; texts that are not complete stay so."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while self._admit():
            try:
                self._read_prompts()
                for batch in list(self._batches.values()):
                    self._publish(batch.advance())
                self._batches = {key: batch for key, batch in self._batches.items() if batch.texts}
            except Exception as problem:  # whatever it is: texts that fail must not keep others waiting for ever
                self._fail(problem)

    def _admit(self) -> bool:
        """Take as many texts as there are rows for, waiting for the first; return False once the worker is closed."""
        with self._changed:
            self._num_running = len(self._running())
            self._changed.wait_for(lambda: self._is_closed or self._arrived or self._num_running)
            while self._arrived and self._num_running < self._max_rows:
                text, ids = self._arrived.popleft()
                if text.is_open:
                    reading = self._readings.setdefault(ids.tobytes(), Reading(ids, self._model.initial_states()))
                    reading.texts.append(text)
                    self._num_running += 1
            return not self._is_closed

    def _running(self) -> list[GrowingText]:
        read = [text for reading in self._readings.values() for text in reading.texts]
        return read + [text for batch in self._batches.values() for text in batch.texts]

    def _read_prompts(self) -> None:
        """Read some of each prompt, and start the texts whose prompts have been read."""
        num_read = 0
        while self._readings and num_read < READ_TURN:
            for key, reading in list(self._readings.items()):
                reading.texts = [text for text in reading.texts if text.is_open]
                if reading.texts:
                    num_read += reading.read(self._model)
                if reading.is_complete or not reading.texts:
                    del self._readings[key]
                    self._start(reading)

    def _start(self, reading: Reading) -> None:
        groups: dict[SamplingConfig, list[GrowingText]] = {}
        for text in reading.texts:
            groups.setdefault(text.request.batch_key, []).append(text)
        for key, texts in groups.items():
            batch = self._batches.setdefault(key, Batch(self._model, key))
            batch.admit(texts, reading.ids, reading.logits, reading.states)

    def _fail(self, problem: Exception) -> None:
        """End everything under way, and go on with what has not begun."""
        failed = self._running()
        self._readings, self._batches = {}, {}
        self._on_failure(f"{type(problem).__name__}: {shown(str(problem))}")
        self._publish([(text, Piece("", (), "error", 0)) for text in failed])
