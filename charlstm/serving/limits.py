"""How much one client may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server."""

    max_length: int = 20_000  # characters of each text
    max_prompt: int = 20_000  # characters; the network would read no more of them
    max_waiting: int = 256  # texts that wait until others are finished

    @property
    def max_body(self) -> int:
        """Bytes of a request: a character may be twelve of them, and a list of prompts is longer than one."""
        return (1 << 20) + 12 * self.max_prompt
