"""What a verb of a step is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lab.written.cell import Service
from lab.written.topology import Topology


class About(Protocol):
    """What a step is resolved with, in the family of one cell; tells what is wrong at its place, and gives None."""

    def node(self, name: str, *path: str | int) -> None:
        """Tell of a node that the topology has not; ``path`` leads from the verb to the word."""

    @property
    def topology(self) -> Topology:
        """What it is resolved on."""

    def wrong(self, what: str, mend: str, *path: str | int) -> None:
        """Tell of anything else that is wrong there."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A kind of step, by its ``name`` in the file.

    ``written`` is the annotation of what stands after it, for pydantic, and ``says`` its description for editors.  ``speaks``
    tells that it sends a packet of the session, so that what stands there is expected of that; ``asks`` that what it expects
    is of another flow; ``alters`` that it changes the lab, which is then the cell's own.  ``fits`` raises ValueError for a
    service that has no such step.  ``resolved`` makes of what is written what it means in one family, ``in_words`` tells that
    behind the verb.
    """

    name: str
    written: Any
    says: str
    speaks: bool = False
    asks: bool = False
    alters: bool = False
    fits: Callable[[Service], None] | None = None
    resolved: Callable[[Any, About], Any] | None = None
    in_words: Callable[[Any], str] = lambda _said: ""

    @property
    def expects(self) -> bool:
        """Whether what stands after it has an expectation."""
        return self.speaks or self.asks
