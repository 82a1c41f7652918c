"""A packet that left by another way than the row says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from lab.record.hint import Hint
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind
from lab.ruleset.conditions import without_texts
from lab.ruleset.words import words
from lab.why.case import Case
from lab.written.expect.arrives import ARRIVES
from lab.written.expect.leaves import LEAVES

_ASTRAY = (Kind.UNROUTED, Kind.UNANSWERED, Kind.LOST)
_MARKS = re.compile(r"\bmeta mark set\b")


def other_way(case: Case) -> Iterator[Hint]:
    """Where it left, and why its mark did not lead it elsewhere."""
    path = next((one for one in case.verdict.path if one.node == case.at and one.end is End.LEFT), None)
    if not case.should_pass or path is None or path.out is None:
        return
    wanted = _wanted(case, path)
    if wanted is None:
        return
    takers = [name for name, _, _ in case.topology.on_network(_network(case, path)) if name != path.node]
    there = f"{' and '.join(takers)} are" if len(takers) > 1 else f"{''.join(takers) or 'nobody'} is"
    went = f"it left {path.node} by {path.out}, where {there}, and {wanted}"
    step = _marked_too_late(case, path)
    if step is None or step.rule is None:
        yield _by_its_mark(case, path, went) or _for_want_of_a_mark(case, path, went) or Hint(
            went, f"the routes and routing rules of {path.node} choose the interface"
        )
        return
    yield Hint(
        f"{went}: {step.rule} marks it in a chain of type {step.kind} behind routing, which does not route it anew",
        "mark it in a chain `type route hook output`" if step.rule.is_native else "mark it in the mangle table",
    )


def _wanted(case: Case, path: Path) -> str | None:
    """What the row says instead, in words; None where it says nothing else."""
    leaves, arrives = case.expect.get(LEAVES), case.expect.get(ARRIVES)
    if leaves is not None and leaves.via is not None:
        return None if leaves.via == path.out else f"was to leave by {leaves.via}"
    if arrives is None or not arrives.at or case.verdict.path[-1] is not path:
        return _connected(case, path)
    if any(rule.translates == "destination" for rule in path.translated_by) or not _by_routes(case, path, arrives.at):
        return None  # where it went is what a translation made of it, or the want of one
    nodes = [name for name, _, _ in case.topology.on_network(_network(case, path))]
    forwards = any(case.topology.nodes[name].forwards for name in nodes if name != path.node)
    return None if forwards or not set(arrives.at).isdisjoint(nodes) else f"was to come to {' or '.join(arrives.at)}"


def _by_routes(case: Case, path: Path, wanted: Sequence[str]) -> bool:
    """Whether its routes could have led it there: its destination is there, or routing rules lead what is for others astray.

    Where a translation is missing, that is the cause.
    """
    owners = case.topology.owners((path.exit or path.entry).destination)
    return not set(owners).isdisjoint(wanted) or bool(case.topology.nodes[path.node].rules)


def _connected(case: Case, path: Path) -> str | None:
    """Who has the destination on a network of this node, which it was not sent to."""
    destination = _routed(path).destination
    owner, network = case.topology.owner(destination), case.topology.network_of(destination)
    own = case.topology.nodes[path.node].interfaces.items()
    there = next((name for name, interface in own if interface.network == network), None)
    if case.verdict.kind not in _ASTRAY or owner in (None, path.node) or there is None or network == _network(case, path):
        return None
    return f"{owner} is on {there}"


def _routed(path: Path) -> Packet:
    """The headers that its route was looked up with: a source is translated after that."""
    return path.exit or path.head(-1)


def _by_its_mark(case: Case, path: Path, went: str) -> Hint | None:
    """Its mark, which a routing rule asks for, led it there."""
    destination = _routed(path).destination
    by = [step.rule for step in path.steps if step.rule is not None and _marks(step.rule)]
    plain = case.ask_route(path.node, destination, None, 0)
    marked = case.ask_route(path.node, destination, None, path.mark) if path.mark and by else None
    if plain is None or marked is None or plain.dev in (None, path.out) or marked.dev != path.out:
        return None
    network = case.topology.network_of(destination)
    prefixes = case.topology.networks.get(network or "", ())
    whom = next((str(prefix) for prefix in prefixes if ip_address(destination) in prefix), destination)
    return Hint(
        f"{went}: its mark {path.mark:#x}, from {by[-1]}, leads it there; without a mark its route is by {plain.dev}",
        f"do not mark what is for {whom}, or send it on from the table that marks lead to (`throw {whom} table N`)",
    )


def _for_want_of_a_mark(case: Case, path: Path, went: str) -> Hint | None:
    """A packet of the node's own without a mark, which with one that routing rules ask for would have left as the row says."""
    leaves = case.expect.get(LEAVES)
    if path.entered is not None or path.mark or leaves is None or leaves.via is None:
        return None
    header = _routed(path)
    for rule in case.topology.nodes[path.node].rules:
        if rule.fwmark is None:
            continue
        lead = case.ask_route(path.node, header.destination, header.source, rule.fwmark)
        if lead is not None and lead.dev == leaves.via:
            return Hint(
                f"{went}: it has no mark; with {rule.fwmark:#x}, which a routing rule of {path.node} asks for, it would",
                f"if its sender marks its packets, as WireGuard and Tailscale do, say `mark: {rule.fwmark:#x}` in the row",
            )
    return None




def _network(case: Case, path: Path) -> str:
    interface = case.topology.nodes[path.node].interfaces.get(path.out or "")
    return "" if interface is None else interface.network


def _marked_too_late(case: Case, path: Path) -> Step | None:
    """The step that set a mark on a packet of the node's own which no rule routes anew (nft's chains of type route alone do).

    iptables' mangle table does; only where routing rules ask for marks does it matter.
    """
    if path.entered is not None or not any(rule.fwmark is not None for rule in case.topology.nodes[path.node].rules):
        return None
    return next(
        (
            step for step in path.steps
            if step.hook == "output" and step.rule is not None and _marks(step.rule) and step.kind not in ("route", "mangle")
        ),
        None,
    )  # fmt: skip


def _marks(rule: Rule) -> bool:
    """Whether it sets the packet's own mark: that of its connection leads it nowhere."""
    if rule.is_native:
        return _MARKS.search(without_texts(rule.text)) is not None
    return rule.target == "MARK" or (rule.target == "CONNMARK" and "--restore-mark" in words(rule.text))
