"""The trace of a node, armed: by which means, given what holds its rules."""

from __future__ import annotations

from lab.errors import InputError, Problem
from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.stage.node import Node
from lab.kernel.watch.legacy_trace import LegacyTrace
from lab.kernel.watch.nft_trace import NftTrace
from lab.kernel.watch.paths import Assembler
from lab.kernel.watch.tracer import Tracer
from lab.kernel.watch.watch import Trace
from lab.ruleset.backend import Backend


def arm(node: Node, rules: RuleIndex, backend: Backend, *, bridges: bool) -> Trace:
    """The trace of a node from now on; ``bridges`` where it has a bridge.

    Raises InputError for a bridge whose rules are held by ip_tables: what its log tells of a packet does not say which of
    several looks it was.
    """
    # a bridge passes packets on whatever its own addresses are
    families = [family for family in (4, 6) if node.has(family)] or [4]
    if backend is Backend.NFT:
        devices = ("lo", *node.ports) if rules.has_ingress else ()
        tracer = Tracer(node.namespace, families, devices, bridge=bridges)
        return NftTrace(tracer, Assembler(node.name, rules, node.port_name, tracer.table.name))
    if bridges:
        what = f"{node.name} is a bridge, which cannot be traced where ip_tables holds its rules"
        raise InputError(Problem(what, mend="load them with the other iptables: --backend nft"))
    return LegacyTrace(node.name, node.namespace, families, rules, node.port_name)
