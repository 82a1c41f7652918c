"""Where a node's routes lead."""

from __future__ import annotations

from typing import NamedTuple


class Lead(NamedTuple):
    """How ``node`` would send to ``address``: by interface ``dev``, to the next hop ``via`` (None: it is on the link).

    ``refused`` is what its kernel says where it has no way there, in its own words; ``dev`` is None then.
    """

    node: str
    address: str
    dev: str | None = None
    via: str | None = None
    refused: str | None = None
