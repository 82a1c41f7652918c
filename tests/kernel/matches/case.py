"""What a case of a match or a target is: rules in which it stands, a flow that meets it, and one that does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER

MET = "met"
"""The comment of the rule that decides where the match matches, or where the target has done what it does."""
CLIENT_6, NEAR_6, FAR_6, SERVER_6 = "2001:db8:1::10", "2001:db8:1::1", "2001:db8:2::1", "2001:db8:2::10"
CLIENT_MAC = "02:00:00:00:00:0a"


@dataclass(frozen=True)
class Probe:
    """A flow as a row asks for it; ``keys`` are those of `lab.lab.Lab.probe`."""

    service: str = "udp/443"
    sender: str = "client"
    target: str = "server"
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """One packet that the client sends as it is made: ``made`` gives its bytes from its network header on."""

    made: Callable[[], bytes]
    words: str


Flow = Probe | Raw


@dataclass(frozen=True)
class Case:
    """A match or a target by its ``name``, as iptables-extensions(8) has it.

    ``rule`` is the rule that is met, without its target: ``-A FORWARD -p tcp -m multiport --dports 22,443``, in ``table``.
    ``before`` are further rules by table, which a target needs to be seen by another rule.  ``nft`` are the same words of nft
    for the rule (in the hook of its chain), ``nft_before`` those of a rule in prerouting before it.  ``does`` is the rule's own
    target, where that is what the case is about and does not end the packet; else it drops.
    """

    name: str
    rule: str
    meets: Flow
    misses: Flow
    table: str = "filter"
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nft: str = ""
    nft_before: str = ""
    does: str = ""
    family: int = 4
    target: bool = False
    ipset: str = ""
    topology: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    legacy: bool = True
    root: bool = False

    @property
    def id(self) -> str:
        """What its test is called."""
        return f"{self.name}{f'-{self.variant}' if self.variant else ''}"

    @property
    def chain(self) -> str:
        """Where the rule stands."""
        return self.rule.split()[1]


def stage(case: Case) -> dict[str, Any]:
    """The topology of a case: a client, a gateway and a server in a row, of one family, with what it says of them."""
    if case.topology:
        return dict(case.topology)
    six = case.family == 6
    left, near, far, right = (CLIENT_6, NEAR_6, FAR_6, SERVER_6) if six else (CLIENT, NEAR, FAR, SERVER)
    nodes: dict[str, dict[str, Any]] = {
        "client": {
            "role": "client", "interfaces": {"left": {"network": "left", "address": left, "mac": CLIENT_MAC}}, "via": "gateway",
        },
        "gateway": {"role": "gateway", "interfaces": {"left": near, "right": far}, "forwards": True},
        "server": {"role": "backend", "interfaces": {"right": right}, "via": "gateway"},
    }  # fmt: skip
    for name, keys in case.nodes.items():
        nodes[name] = {**nodes[name], **keys}
    networks = ("2001:db8:1::/64", "2001:db8:2::/64") if six else ("10.0.1.0/24", "10.0.2.0/24")
    return {"topology": "matched", "networks": dict(zip(("left", "right"), networks, strict=True)), "nodes": nodes}
