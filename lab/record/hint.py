"""Why something failed, and what would change it."""

from __future__ import annotations

from typing import NamedTuple


class Hint(NamedTuple):
    """``why``: what explains the failure, as it was recorded; ``mend``: what would change it, empty where that is not known.

    Both are sentences without a full stop.
    """

    why: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.why}: {self.mend}" if self.mend else self.why
