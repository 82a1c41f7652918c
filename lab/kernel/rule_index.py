"""Which rule a trace message means: the kernel's handles against ``iptables-save``, both in the kernel's own order."""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Mapping

from lab.errors import MeasurementError, Problem
from lab.kernel import nfnetlink as nl
from lab.kernel.namespace import Namespace
from lab.record.path import Rule
from lab.ruleset.save import Ruleset

_GETRULE = nl.NFNL_SUBSYS_NFTABLES << 8 | 7
_TABLE, _CHAIN, _HANDLE = 1, 2, 3
_NFPROTO_IPV4 = 2


def dump_handles(namespace: Namespace) -> dict[tuple[str, str], list[int]]:
    """The handles of every IPv4 rule in the node, chain by chain, in the order that the kernel runs them."""
    channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
    handles: dict[tuple[str, str], list[int]] = {}
    with channel:
        channel.settimeout(nl.KERNEL_DEADLINE_S)
        channel.bind((0, 0))
        channel.send(nl.message(_GETRULE, nl.NLM_F_DUMP, _NFPROTO_IPV4))
        for data in nl.receive_dump(channel):
            table, chain, handle = _read(data)
            handles.setdefault((table, chain), []).append(handle)
    return handles


def _read(data: bytes) -> tuple[str, str, int]:
    """Table, chain and handle of one rule; they stand first in the message, so its expressions are never walked."""
    start = nl.HEADER
    found: dict[int, bytes] = {}
    while len(found) < 3:
        length, kind = struct.unpack_from("=HH", data, start)
        if kind in (_TABLE, _CHAIN, _HANDLE):
            found[kind] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found[_TABLE][:-1].decode(), found[_CHAIN][:-1].decode(), int.from_bytes(found[_HANDLE], "big")


class RuleIndex:
    """The rules of one node by table, chain and handle; handle 0 is the chain's policy."""

    def __init__(self, node: str, rules: Mapping[tuple[str, str, int], Rule]) -> None:
        self._node = node
        self._rules = dict(rules)

    def find(self, table: str, chain: str, handle: int) -> Rule:
        """The rule with this handle, or the policy; a rule that no ``iptables-save`` shows is named by its handle."""
        rule = self._rules.get((table, chain, handle))
        if rule is None:
            rule = Rule(self._node, table, chain, handle or None, f"(handle {handle}, not an iptables rule)")
            self._rules[table, chain, handle] = rule
        return rule

    def __len__(self) -> int:
        return len(self._rules)


def index_rules(
    node: str,
    saved: Ruleset,
    handles: Mapping[tuple[str, str], list[int]],
    sources: Mapping[tuple[str, str, int], str | None],
) -> RuleIndex:
    """Align ``saved`` with the kernel's ``handles``; ``sources`` tells the template line of (table, chain, number)."""
    rules: dict[tuple[str, str, int], Rule] = {}
    for table in saved.tables.values():
        for chain in table.chains.values():
            own = handles.get((table.name, chain.name), [])
            if len(own) != len(chain.rules):
                raise MeasurementError(
                    Problem(
                        f"{node}: {table.name}:{chain.name} has {len(own)} rules in the kernel and {len(chain.rules)} in "
                        "iptables-save: they cannot be told apart"
                    )
                )
            policy = chain.policy or "RETURN"
            rules[table.name, chain.name, 0] = Rule(node, table.name, chain.name, None, f"-P {chain.name} {policy}")
            for saved_rule, handle in zip(chain.rules, own, strict=True):
                place = (table.name, chain.name, saved_rule.number)
                rules[table.name, chain.name, handle] = Rule(
                    node, table.name, chain.name, saved_rule.number, saved_rule.text,
                    saved_rule.comment, saved_rule.target, sources.get(place),
                )  # fmt: skip
    return RuleIndex(node, rules)
