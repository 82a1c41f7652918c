"""Mends that are wrong in every drill, as somebody in a hurry types them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.keep.boot import BOOT_FILES
from lab.kernel.hold.held import Held
from lab.ruleset.held import HeldChain

_TOOLS = {"v4": "iptables", "v6": "ip6tables"}
_RESTORES = {"v4": "iptables-restore", "v6": "ip6tables-restore", "nft": "nft -f", "ipset": "ipset restore -!"}


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that are typed at a node, one after the other."""

    at: str
    lines: tuple[str, ...]


def always_wrong(held: Held) -> Mapping[str, Sequence[Lines]]:
    """The ways by their names, typed at the node whose rules these are."""
    at = held.node
    native = [chain for key, chain in held.chains.items() if chain.hook is not None and key in held.native]
    kinds = [kind for kind in _TOOLS if kind in held.saved]
    loads = [kind for kind in ("v4", "v6", "nft") if kind in held.texts]
    filters = [chain for chain in native if chain.hook in ("input", "forward", "output")]
    said = {
        "accept all": [
            *(f"{_TOOLS[kind]} -I {chain} 1 -j ACCEPT" for kind in kinds for chain in ("INPUT", "FORWARD")),
            *(f"nft insert rule {_of(chain)} accept" for chain in filters),
        ],
        "flush": [*(f"{_TOOLS[kind]} -F" for kind in kinds), *(["nft flush ruleset"] if native else [])],
        "policy ACCEPT": [
            *(f"{_TOOLS[kind]} {what}" for kind in kinds for what in ("-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-F")),
            *(f"nft 'chain {_of(chain)} {{ policy accept; }}'" for chain in filters),
            *(f"nft flush chain {_of(chain)}" for chain in filters),
        ],
        "reboot": ["reboot"],
        "older file": [_load(kind) for kind in loads],
    }
    return {name: [Lines(at, tuple(lines))] for name, lines in said.items() if lines}


def _of(chain: HeldChain) -> str:
    return f"{chain.family} {chain.table} {chain.name}"


def _load(kind: str) -> str:
    return f"{_RESTORES[kind]} {'<' if kind != 'nft' else ''} {BOOT_FILES[kind]}".replace("  ", " ")
