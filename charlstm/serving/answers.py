"""The answers to a completion request, as OpenAI's clients expect them. A token is a character."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from charlstm.serving.batch import CharacterScore, Piece
from charlstm.serving.requests import Completion


@dataclass
class Answer:
    """Puts the pieces of the texts of one completion into objects of JSON."""

    completion: Completion
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    num_generated: dict[int, int] = field(default_factory=dict)  # characters of each text
    offsets: dict[int, int] = field(default_factory=dict)  # characters of each text that were put into objects

    def chunk(self, index: int, piece: Piece) -> dict[str, Any]:
        """Return the object for one piece of one text."""
        return self._object([self._choice(index, piece)])

    def whole(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """Return the object for all texts, each in one piece."""
        choices = [self._choice(index, piece) for index, piece in enumerate(pieces)]
        return self._object(choices) | {"usage": self.usage()}

    def usage_chunk(self) -> dict[str, Any]:
        """Return the last object of a stream that was asked for the numbers of characters."""
        return self._object([]) | {"usage": self.usage()}

    def usage(self) -> dict[str, int]:
        prompts = sum(len(text.prompt) for text in self.completion.texts)
        generated = sum(self.num_generated.values())
        return {"prompt_tokens": prompts, "completion_tokens": generated, "total_tokens": prompts + generated}

    def _object(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.completion.model,
            "choices": choices,
        }

    def _choice(self, index: int, piece: Piece) -> dict[str, Any]:
        source, start = self.completion.texts[index], self.offsets.get(index, 0)
        self.offsets[index] = start + len(piece.text)
        self.num_generated[index] = piece.num_generated
        prompt = source.prompt if self.completion.echo and not start else ""
        return {
            "index": index,
            "text": prompt + piece.text,
            "logprobs": None if self.completion.num_logprobs is None else _logprobs(piece.text, piece.scores, start),
            "finish_reason": piece.finish_reason,
            "seed": source.request.config.random_seed,
        }


def _logprobs(text: str, scores: Sequence[CharacterScore], start: int) -> dict[str, Any]:
    return {
        "tokens": list(text),
        "token_logprobs": [score.score for score in scores],
        "top_logprobs": [score.alternatives for score in scores],
        "text_offset": list(range(start, start + len(text))),
    }
