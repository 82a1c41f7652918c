"""A flow that a real host had."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveFlow:
    """A flow as its first packet was: ``service`` is ``tcp/443``, ``icmp/echo-request``, ``proto/47``.

    ``answered_by`` is the address that its answers came from and ``answered_to`` the one that they went to, before they were
    translated back; both None where that is not known (a capture).  ``replied`` tells that an answer was seen; ``count`` is
    how many flows differ in their source port alone.
    """

    family: int
    source: str
    destination: str
    service: str
    answered_by: str | None = None
    answered_to: str | None = None
    replied: bool = True
    count: int = 1
