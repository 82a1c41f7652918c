"""What the lab's own tables in a node are called, and how the kernel begins what it logs of a trace.

A table that an instrument makes has its owner's number behind its name (the port id of its netlink socket, which no other
socket of the namespace has while it is open), so that several processes can ask one node.
"""

from __future__ import annotations

import re

OWN_NAMES = TRACE_TABLE, COUNT_TABLE, QUIET_TABLE = "lab_trace", "lab_count", "lab_quiet"
STEP_PREFIX = b"TRACE: "  # nf_log_trace; of rulesets that log with it themselves see meddling.refuse_forging
_NUMBERED = re.compile(rf"(?:{TRACE_TABLE}|{COUNT_TABLE})_[0-9]+")


def numbered(name: str, owner: int) -> str:
    """What the table ``name`` of the socket ``owner`` is called."""
    return f"{name}_{owner}"


def is_numbered(table: str) -> bool:
    """Whether a table is called as that of an instrument, whosever it is."""
    return table.startswith("lab_") and _NUMBERED.fullmatch(table) is not None


def is_own_name(table: str) -> bool:
    """Whether a table is called as one of the lab's own, which no ruleset may have."""
    return table in OWN_NAMES or is_numbered(table)


class _OwnTables:
    """Family and name of those that may stand while a node is read back, and are no part of what it holds."""

    def __contains__(self, place: tuple[str, str]) -> bool:
        family, table = place
        return place == ("ip6", QUIET_TABLE) or (family in ("inet", "netdev", "bridge") and is_numbered(table))


OWN_TABLES = _OwnTables()
