"""A lab that is up, as a person reads it: a block for each node."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.status import LabStatus, LinkStatus, NodeStatus, RuleCount
from lab.report.plain import plain

_BESIDE = re.compile(r" (?:proto (?:kernel|static|boot)|scope link|pref medium|metric (?:256|1024))\b")


def status_lines(status: LabStatus) -> Iterator[str]:
    """All of it; of the rules those that have counted since the last look, on the first look those that ever have."""
    looked = "nobody has looked before" if status.seconds is None else f"last looked at {_ago(status.seconds)} ago"
    yield plain(f"{status.name}, on {status.topology}; {looked}")
    for node in status.nodes:
        yield from map(plain, _node(node))


def _node(node: NodeStatus) -> Iterator[str]:
    yield ""
    yield node.name + ("  rules were changed by hand" if node.by_hand else "")
    for link in node.links:
        if link.name != "lo" or link.state != "up":
            yield f"  {link.name:<12} {_link(link)}"
    for route in node.routes:
        if not route.startswith("fe80::/"):
            yield f"  route        {_BESIDE.sub('', route)}"
    if node.tracks is not None:
        yield f"  conntrack    {node.tracks:,}{_most(node)} entries"
    if node.trouble:
        yield f"  rules        {node.trouble}"
        return
    told = [one for one in node.counts if (one.packets if one.since is None else one.since)]
    for one in told:
        yield f"  {_counted(one)}"
    if node.counts and not told:
        yield "  rules        nothing has come to them" + ("" if node.counts[0].since is None else " since")


def _link(link: LinkStatus) -> str:
    addresses = ", ".join(link.addresses) or "no address"
    mtu = "" if link.mtu in (1500, 65536) else f", mtu {link.mtu}"
    return f"{link.state.upper() if link.state != 'up' else 'up'}  {addresses}{mtu}"


def _most(node: NodeStatus) -> str:
    return "" if node.most is None else f" of {node.most:,}"


def _counted(one: RuleCount) -> str:
    number = f"{one.packets:,}" if one.since is None else f"+{one.since:,}"
    origin = f"  [{one.rule.origin}]" if one.rule.origin else ""
    named = f" ({one.rule.comment})" if one.rule.comment else ""
    return f"{number:>11}  {one.rule.place}{named}{origin}"


def _ago(seconds: float) -> str:
    for length, word in ((3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {word}"
    return f"{seconds:.0f} s"
