"""What rules may do to a sweep: not to one packet, but to many that are told apart by their ports alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.ruleset.nft.listing import NftRuleset
from lab.ruleset.save import Ruleset

_QUEUES = frozenset({"NFQUEUE", "QUEUE", "queue"})
_ANSWERING = frozenset({"SYNPROXY", "synproxy"})
_REJECTING = frozenset({"REJECT", "reject"})
_TRANSLATING = frozenset({"DNAT", "REDIRECT", "NETMAP", "dnat", "redirect"})
_COPYING = frozenset({"TEE", "dup", "fwd"})
_SOURCE_PORTS = frozenset((
    "--sport", "--sports", "--source-port", "--source-ports", "--ports", "--port", "--ctorigsrcport", "--ctreplsrcport", "u32",
    "bpf", "HMARK", "sport", "proto-src", "@th",
))  # fmt: skip
_SET_OF_PORTS = re.compile(r"(?m)^\s*create\s+(\S+)\s+\S*port\S*")


@dataclass(frozen=True, slots=True)
class Hazards:
    """What the rules of some policies can do, by their words.

    ``queues``: hand packets to user space.  ``answers``: take them over and answer in their place.  To a hook's counters both
    look like a drop.  ``rejects``: refuse with an answer, which may get lost.  ``translates``: give several ports one
    destination, so that flows from one source port become the same.  ``reads_source_ports``: tell source ports apart.
    ``copies``: send a packet twice, which counters take for another.
    """

    queues: bool = False
    answers: bool = False
    rejects: bool = False
    translates: bool = False
    reads_source_ports: bool = False
    copies: bool = False


def find_hazards(saved: Iterable[Mapping[int, Ruleset]], native: Iterable[NftRuleset], sets: str = "") -> Hazards:
    """What the rules of iptables, by family, and those of native nft can do; ``sets`` as `ipset save` prints them."""
    rules = [rule for families in saved for ruleset in families.values() for rule in ruleset.rules()]
    used: set[str | None] = {rule.target for rule in rules}
    used.update(word for rule in rules for word in rule.text.split())
    # of raw bytes (`@th,0,16`) the first part says whose they are
    used.update(word.partition(",")[0] for listed in native for _, _, rule in listed.rules() for word in rule.text.split())
    reading = _SOURCE_PORTS.union(_SET_OF_PORTS.findall(sets))
    kinds = _QUEUES, _ANSWERING, _REJECTING, _TRANSLATING, reading, _COPYING
    return Hazards(*(not used.isdisjoint(words) for words in kinds))
