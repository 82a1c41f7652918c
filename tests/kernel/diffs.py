"""Two policies of one gateway, as the tests of differences compare them."""

from __future__ import annotations

from lab.model.proposal import Decision, Proposal, Proposed
from lab.prepare.scene import Scene
from lab.record.difference import Aspect, DiffReport, Flow, FlowClass
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.study.diff.diff import diff
from lab.study.diff.proposer import Holds, Proposer
from lab.written.topology import Topology
from tests.kernel.scenes import rulesets, table, topology

# the internet, a gateway that publishes a web server, and an office
OFFICE = "10.7.1.9"
WEB, MAIL = "10.7.2.10", "10.7.2.25"
OUTER = "198.51.100.1"
STAGE = topology({
    "topology": "office",
    "networks": {"up": "198.51.100.0/29", "office": "10.7.1.0/24", "dmz": "10.7.2.0/24"},
    "nodes": {
        "internet": {"role": "internet", "interfaces": {"up": "198.51.100.2"}, "anyip": True, "via": "gateway"},
        "gateway": {
            "role": "gateway", "forwards": True, "via": "198.51.100.2",
            "interfaces": {
                "ppp0": {"network": "up", "address": OUTER}, "eth0": {"network": "office", "address": "10.7.1.1"},
                "eth1": {"network": "dmz", "address": "10.7.2.1"},
            },
        },
        "office": {"role": "client", "interfaces": {"office": OFFICE}, "via": "gateway"},
        "web": {"role": "backend", "interfaces": {"dmz": WEB}, "via": "gateway"},
        "mail": {"role": "backend", "interfaces": {"dmz": MAIL}, "via": "gateway"},
    },
})  # fmt: skip
ANSWERS = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment answers -j ACCEPT"
NFT, LEGACY = Backend.NFT, Backend.LEGACY


def asking(*flows: str, rests_on: tuple[str, ...] = (), of_sources: tuple[str, ...] = ()) -> Proposer:
    """A proposer of these flows (``office > 10.7.2.10 tcp/443``), whatever the rules are.

    Each is from its node's own address, or from the one behind ``@``, and one of a class of its own, or with ``of_sources``.
    """

    def propose(old: Holds, new: Holds, topology: Topology, node: str, family: int) -> Proposed:
        return Proposed(tuple(_proposal(flow, topology, node, rests_on, of_sources) for flow in flows) if family == 4 else ())

    return propose


def _proposal(
    words: str, stage: Topology, node: str, rests_on: tuple[str, ...], sources: tuple[str, ...]
) -> Proposal:  # fmt: skip
    sender, _, to, service = words.split()
    sender, _, source = sender.partition("@")
    flow = Flow(sender, source or stage.addresses(sender, 4)[0], to, service, 4)
    of = FlowClass(sources or (flow.source,), (flow.destination,), (flow.service,), 1)
    return Proposal(flow, of, Aspect.ALLOW, Decision("accept", f"{node}'s old rule"), Decision("drop", "its new one"), rests_on)


def scene(policy: Rulesets) -> Scene:
    """The stage with a policy of its gateway."""
    return Scene(STAGE, {"gateway": policy}, {})


def forward(*rules: str, policy: str = "DROP") -> Rulesets:
    """A policy whose rules all stand in FORWARD."""
    return rulesets(table("filter", ANSWERS, *rules, FORWARD=policy))


def compared(
    old: Rulesets, new: Rulesets, *, backends: tuple[Backend, Backend] = (NFT, NFT), proposer: Proposer | None = None,
) -> DiffReport:  # fmt: skip
    """The report of both, which has proven all that it asked."""
    report = diff(
        scene(old), scene(new), "gateway", backends=backends, families=(4, 6), names=("old", "new"),
        progress=lambda *_: None, proposer=proposer,
    )  # fmt: skip
    assert (report.lost, report.problems) == ((), ())
    return report
