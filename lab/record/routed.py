"""How a node routed a packet."""

from __future__ import annotations

from typing import NamedTuple


class PassedOver(NamedTuple):
    """A routing rule that did not route a packet, and ``why``, as far as its text tells; ``table`` None looks none up."""

    rule: str
    table: int | None
    why: str


class Routed(NamedTuple):
    """How a node routed a packet: what its kernel said when it was asked the same once more, with ``mark``.

    ``at`` is the step of the path that came next, counted from 0.  ``table`` is the number of the table that has the route,
    ``name`` what people call it, ``route`` the route as `ip route` prints it.  ``rule`` is the routing rule that leads there,
    as `ip rule` prints it: no kernel tells it, so it is concluded from the node's list, and None where that is not certain.
    ``others`` are the rules that did not.  ``refused`` is what the kernel said in place of a route.  ``doubt`` says why the
    answer cannot be that of the packet; then nothing else is told.

    >>> Routed(0x2, 3, 102, "wan2", "100: from all fwmark 0x2 lookup wan2").pref
    100
    """

    mark: int
    at: int
    table: int | None = None
    name: str | None = None
    rule: str | None = None
    route: str | None = None
    refused: str | None = None
    doubt: str | None = None
    others: tuple[PassedOver, ...] = ()

    @property
    def pref(self) -> int | None:
        """The rule's place among the node's rules."""
        return None if self.rule is None else int(self.rule.partition(":")[0])
