"""Frames between ports of a bridge, which rules of iptables see where br_netfilter hands them over."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import Path
from lab.why.case import Case


def bridged(case: Case) -> Iterator[Hint]:
    """Why what never leaves its network was forwarded by rules (br_nf_forward_ip)."""
    path = case.verdict.path[-1] if case.verdict.path else None
    by = path.dropped_by if path is not None else None
    if not case.should_pass or path is None or by is None or by.family not in ("ip", "ip6", "inet"):
        return
    name = path.entered or ""
    interface = case.topology.nodes[path.node].interfaces.get(name)
    if interface is None or not interface.bridge or not interface.bridge_nf or path.steps[-1].hook != "forward":
        return
    if path.toward != name or not _is_handed_over(case, path, interface.network):
        return
    tool = "iptables" if path.entry.family == 4 else "ip6tables"
    accept = f"`-i {name} -o {name} -m physdev --physdev-is-bridged -j ACCEPT`" if not by.is_native else (
        f'`iifname "{name}" oifname "{name}" accept`'
    )
    yield Hint(
        f"{path.node} bridges it from port to port of {name}, and rules of FORWARD see such frames too: "
        f"net.bridge.bridge-nf-call-{tool} is 1",
        f"0 there (`bridge-nf: false`) lets them pass by these rules, or accept them before {by.place} ({accept})",
    )


def _is_handed_over(case: Case, path: Path, network: str) -> bool:
    """Whether who sent it here sent it to the receiver itself on this network, and not to this node to route it."""
    before = case.verdict.path[-2].node if len(case.verdict.path) > 1 else case.topology.owner(path.entry.source)
    lead = case.ask_route(before, path.entry.destination, None, 0) if before not in (None, path.node) else None
    if lead is None or lead.dev is None or lead.via is not None:
        return False
    sending = case.topology.nodes[lead.node].interfaces.get(lead.dev)
    return sending is not None and sending.network == network
