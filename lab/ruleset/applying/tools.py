"""Which tool loads each kind of ruleset, and which changes one part of it."""

from __future__ import annotations

from collections.abc import Mapping

from lab.ruleset.backend import Backend

FAMILIES: Mapping[str, str] = {"v4": "ip", "v6": "ip6"}
"""A kind of iptables to the family of its tables, in nft's words."""
TOOLS: Mapping[str, str] = {"v4": "iptables", "v6": "ip6tables"}


def restore(kind: str, backend: Backend) -> tuple[str, ...]:
    """The command that loads a text of this kind from its standard input.

    >>> restore("v6", Backend.LEGACY)
    ('ip6tables-legacy-restore',)
    """
    if kind == "ipset":
        return "ipset", "restore"
    return ("nft", "-f", "-") if kind == "nft" else (f"{TOOLS[kind]}-{backend}-restore",)


def single(kind: str, backend: Backend) -> str:
    """The command of iptables that is given one statement.

    >>> single("v4", Backend.NFT)
    'iptables-nft'
    """
    return f"{TOOLS[kind]}-{backend}"
