"""One command of those that change what a node holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What is run in the node, no shell between, and what it reads from its standard input.

    ``kind`` is the ruleset that it comes from (``v4``, ``nft``, …), "" for none; of a single statement ``line`` is where that
    stands in its text (from 1).  A text that it reads has the lines of the ruleset's.  What ``may_fail`` takes something away
    that may not be there.

    >>> print(Command(("iptables-nft", "-F", "INPUT"), kind="v4", line=7))
    iptables-nft -F INPUT
    """

    argv: tuple[str, ...]
    stdin: str = ""
    kind: str = ""
    line: int | None = None
    may_fail: bool = False

    def __str__(self) -> str:
        """As a person would type it, without what it reads."""
        return " ".join(self.argv)
