"""What a session is asked in where there is no kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from lab.probe.follow import Followed
from lab.probe.sighting import Sighting


class Resting:
    """A network that comes to rest, whereupon ``then`` is done, and in which nothing was traced."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.network = self.instrument = self
        self._then = then

    def rest(self) -> None:
        """It is."""
        self._then()

    def paths(self) -> tuple[Any, ...]:
        return ()


def seen(then: Callable[[], object] = lambda: None) -> Sighting:
    """What was seen of a session in such a network."""
    return Sighting(cast("Any", Resting(then)), cast("Any", None), followed=Followed((), (), ()))
