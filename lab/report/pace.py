"""How often something is told that goes on: by a clock that is looked at where work is done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

NOW_AND_THEN_S = 10.0
"""Between two lines in a log."""
MOVING_S = 0.1
"""Between two changes of a line on a terminal: more nobody can read."""


@dataclass(slots=True)
class Pace:
    """Lets something be told every so many seconds, for the first time after as many."""

    every_s: float
    began: float = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def due(self) -> bool:
        """Whether it is to be told now."""
        now = time.monotonic()
        if now - self._last < self.every_s:
            return False
        self._last = now
        return True
