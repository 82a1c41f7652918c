"""What the kernel's own selftest of errors documents (conntrack_icmp_related): too big for a link behind two routers.

The error about a masqueraded echo is RELATED at the router that translated it and at the client that it is led back to, and
nothing that comes by at the router that says it.
"""

from __future__ import annotations

from typing import Any

import pytest

from lab.lab import Lab
from lab.probe.question import Echo, Question
from lab.record.path import Path, rules_on
from lab.record.verdict import Kind, Verdict
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

CLIENT = {4: "10.0.1.10", 6: "2001:db8:a::10"}
SERVER = {4: "10.0.2.10", 6: "2001:db8:d::10"}
ECHO = {4: (1, "icmp"), 6: (58, "ipv6-icmp")}
ERRORS = {4: (3, 4), 6: (2, 0)}


def stage() -> dict[str, Any]:
    """A client, two routers and a server in a row, the last link of 1,280 bytes, in both families."""
    def link(network: str, four: str, six: str, **more: Any) -> dict[str, Any]:
        return {network: {"network": network, "address": [four, six], **more}}

    return {
        "topology": "row-of-four",
        "networks": {
            "left": ["10.0.1.0/24", "2001:db8:a::/64"], "middle": ["10.0.9.0/24", "2001:db8:9::/64"],
            "right": ["10.0.2.0/24", "2001:db8:d::/64"],
        },
        "nodes": {
            "client": {"role": "client", "interfaces": link("left", CLIENT[4], CLIENT[6]), "via": "near"},
            "near": {
                "role": "router", "forwards": True, "via": "far",
                "interfaces": {**link("left", "10.0.1.1", "2001:db8:a::1"), **link("middle", "10.0.9.1", "2001:db8:9::1")},
            },
            "far": {
                "role": "router", "forwards": True, "via": "near",
                "interfaces": {
                    **link("middle", "10.0.9.2", "2001:db8:9::2"), **link("right", "10.0.2.1", "2001:db8:d::1", mtu=1280),
                },
            },
            "server": {"role": "server", "interfaces": link("right", SERVER[4], SERVER[6], mtu=1280), "via": "far"},
        },
    }  # fmt: skip


def states(chain: str, proto: str, *, translated: bool = False) -> str:
    """What passes by its state alone, each named."""
    rules = [
        f"-A {chain} -p {proto} -m conntrack --ctstate {state} -m comment --comment {state.lower()} -j ACCEPT"
        for state in ("RELATED", "NEW,ESTABLISHED", "UNTRACKED")
    ]
    nat = table("nat", f"-A POSTROUTING -o middle -p {proto} -j MASQUERADE") if translated else ""
    return table("filter", *rules, f"-A {chain} -m comment --comment unknown -j DROP") + nat


def ping(lab: Lab, family: int, size: int) -> Verdict:
    sends, receivers = Echo(ECHO[family][0]), (("server", None),)
    question = Question("client", CLIENT[family], SERVER[family], sends, receivers=receivers, payload=b"x" * size)
    return lab.ask(question, "near")


def error_at(node: str, verdict: Verdict, family: int) -> Path:
    """The way of the error through a node."""
    found = [
        path for path in verdict.observation.others
        if path.node == node and (path.entry.flags, path.entry.code) == ERRORS[family] and path.entry.proto == ECHO[family][0]
    ]  # fmt: skip
    assert len(found) == 1, verdict.observation.others
    return found[0]


@pytest.mark.parametrize("family", [4, 6])
def test_an_error_that_something_was_too_big_is_related(lab_of: LabOf, family: int) -> None:
    both = {node: (states(chain, "icmp", translated=node == "near"), states(chain, "ipv6-icmp", translated=node == "near"))
            for node, chain in (("client", "INPUT"), ("near", "FORWARD"), ("far", "FORWARD"))}  # fmt: skip
    lab = lab_of(stage(), **{node: rulesets(v4, v6=v6, name=node) for node, (v4, v6) in both.items()})
    small = ping(lab, family, 900)
    assert small.allowed, small.proof
    assert small.path[1].exit is not None
    assert small.path[1].exit.source != CLIENT[family]
    big = ping(lab, family, 1300)
    assert (big.kind, big.node) == (Kind.UNROUTED, "far"), big.proof
    for node in ("near", "client"):
        assert [rule.comment for rule in rules_on([error_at(node, big, family)]) if rule.comment] == ["related"]
    assert error_at("client", big, family).entry.destination == CLIENT[family]
    said = error_at("far", big, family)
    assert (said.entered, [rule.comment for rule in rules_on([said]) if rule.comment]) == (None, [])
