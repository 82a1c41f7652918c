"""One command of those that change what a node holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What is run in the node, no shell between, and what it reads from its standard input."""

    argv: tuple[str, ...]
    stdin: str = ""

    def __str__(self) -> str:
        """As a person would type it, without what it reads."""
        return " ".join(self.argv)
