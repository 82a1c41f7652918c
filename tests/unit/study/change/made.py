"""Differences to hold against changes: flows through a gateway, with verdicts that were made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.record.difference import Aspect, Difference, DiffReport, Flow, FlowClass, Side
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.written.topology import Topology

OFFICE, TICKETS, SUPPLIER, WORLD = "10.20.1.10", "10.20.2.10", "198.51.100.20", "192.0.2.7"
ACCEPT = Rule("gateway", "filter", "FORWARD", 1, "-A FORWARD -j ACCEPT", target="ACCEPT")
POLICY = Rule("gateway", "filter", "FORWARD", None, ":FORWARD DROP [0:0]", target="DROP")


def topology() -> Topology:
    """A branch office: everybody out there, a supplier, a gateway, an office, a ticket server."""
    return Topology.model_validate({
        "topology": "branch",
        "networks": {
            "wan": ["198.51.100.0/24", "2001:db8:1::/64"], "lan": ["10.20.1.0/24", "2001:db8:a::/64"], "dmz": "10.20.2.0/24",
        },
        "nodes": {
            "world": {
                "role": "internet", "anyip": True, "via": "gateway",
                "interfaces": {"wan": ["198.51.100.254", "2001:db8:1::fe"]},
            },
            "supplier": {"role": "partner", "interfaces": {"wan": SUPPLIER}, "via": "gateway"},
            "cloud": {"role": "partner", "interfaces": {"wan": "198.51.100.30"}, "anyip": ["203.0.113.0/24"], "via": "gateway"},
            "gateway": {
                "role": "gateway", "forwards": True, "via": "world",
                "interfaces": {
                    "wan": ["198.51.100.1", "2001:db8:1::1"], "lan": ["10.20.1.1", "2001:db8:a::1"], "dmz": "10.20.2.1",
                },
            },
            "office": {"role": "client", "interfaces": {"lan": [OFFICE, "2001:db8:a::10"]}, "via": "gateway"},
            "till": {"role": "client", "interfaces": {"lan": "10.20.1.11"}, "via": "gateway"},
            "tickets": {"role": "backend", "interfaces": {"dmz": TICKETS}, "via": "gateway"},
        },
        "names": {"tickets-address": "198.51.100.1"},
    })  # fmt: skip


def allowed(at: str = "gateway") -> Verdict:
    """A flow that is allowed."""
    return _of_path(Kind.ALLOWED, End.LEFT, ACCEPT, at, passed_node=True)


def closed() -> Verdict:
    """A flow that is let through, to where nobody listens."""
    return _of_path(Kind.CLOSED, End.LEFT, ACCEPT, "gateway", passed_node=True)


def dropped() -> Verdict:
    """A flow that the policy drops."""
    return replace(_of_path(Kind.DROPPED, End.DROPPED, POLICY, "gateway", passed_node=False), node="gateway", packet="SYN")


def lost() -> Verdict:
    """A flow of which nothing is proven."""
    return Verdict(Kind.LOST, "nothing is proven", Observation(_SYN, Milestone.SENT, faults=("blind",)))


_SYN = Packet(4, 6, OFFICE, 40000, TICKETS, 443, 2)


def _of_path(kind: Kind, end: End, rule: Rule, at: str, *, passed_node: bool) -> Verdict:
    path = Path(at, _SYN, (Step("forward", "filter", "FORWARD", rule, "accept"),), end, _SYN if end is End.LEFT else None)
    observation = Observation(_SYN, Milestone.SENT, request=(path,))
    return Verdict(kind, "it was seen", observation, rule=rule, decided=((at, rule),), passed_node=passed_node)


def difference(
    sources: str | tuple[str, ...] = OFFICE, destinations: str | tuple[str, ...] = TICKETS,
    services: str | tuple[str, ...] = "tcp/443", *, old: Verdict | None = None, new: Verdict | None = None,
    size: int | None = 1, aspect: Aspect = Aspect.ALLOW, flow: Flow | None = None, **sent: Any,
) -> Difference:  # fmt: skip
    """A class that was dropped and is allowed now, unless something else is said; ``sent`` are fields of its flow."""
    of, to, by = ((one,) if isinstance(one, str) else one for one in (sources, destinations, services))
    old, new = old or dropped(), new or allowed()
    first = flow or Flow("office", OFFICE, TICKETS, "tcp/443", 6 if ":" in of[0] else 4)
    return Difference(
        aspect, first._replace(**sent), FlowClass(of, to, by, size), Side(old), Side(new),
        opens=old.denied and new.kind in (Kind.ALLOWED, Kind.CLOSED), closes=old.allowed and new.denied,
    )  # fmt: skip


def report(*differences: Difference, **changes: Any) -> DiffReport:
    """A report of these."""
    found = DiffReport("old", "new", "gateway", "branch", differences, exit_code=int(bool(differences)))
    return replace(found, **changes)


