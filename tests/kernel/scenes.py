"""Stages and rulesets for the tests of the kernel, as a person would write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

CLIENT, SERVER = "10.0.1.10", "10.0.2.10"
NEAR, FAR = "10.0.1.1", "10.0.2.1"  # the gateway's addresses, towards the client and the server
ESTABLISHED = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -m comment --comment answers -j ACCEPT"
BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def corridor(**changes: Mapping[str, Any]) -> dict[str, Any]:
    """A client, a gateway and a server in a row, as a topology's file says it; ``changes`` are keys of nodes."""
    nodes: dict[str, dict[str, Any]] = {
        "client": {"role": "client", "interfaces": {"left": CLIENT}, "via": "gateway"},
        "gateway": {"role": "gateway", "interfaces": {"left": NEAR, "right": FAR}, "forwards": True},
        "server": {"role": "backend", "interfaces": {"right": SERVER}, "via": "gateway"},
    }
    for name, keys in changes.items():
        nodes[name] = {**nodes.get(name, {}), **keys}
    return {"topology": "corridor", "networks": {"left": "10.0.1.0/24", "right": "10.0.2.0/24"}, "nodes": nodes}


def two_gateways() -> dict[str, Any]:
    """A client, two gateways one behind the other, and a server."""
    return {
        "topology": "two-gateways",
        "networks": {"left": "10.0.1.0/24", "middle": "10.0.9.0/24", "right": "10.0.2.0/24"},
        "nodes": {
            "client": {"role": "client", "interfaces": {"left": CLIENT}, "via": "gateway"},
            "gateway": {
                "role": "gateway", "interfaces": {"left": NEAR, "middle": "10.0.9.1"}, "forwards": True, "via": "second",
            },
            "second": {
                "role": "router", "interfaces": {"middle": "10.0.9.2", "right": FAR}, "forwards": True, "via": "gateway",
            },
            "server": {"role": "backend", "interfaces": {"right": SERVER}, "via": "second"},
        },
    }  # fmt: skip


def table(name: str, *rules: str, **policies: str) -> str:
    """One table as iptables-restore reads it; ``policies`` are those of base chains, or ``"-"`` for a user's chain."""
    chains = {**dict.fromkeys(BUILT_IN[name], "ACCEPT"), **policies}
    declared = (f":{chain} {policy} [0:0]" for chain, policy in chains.items())
    return "\n".join((f"*{name}", *declared, *rules, "COMMIT", ""))


def rendered(text: str, file: str = "gateway.rules") -> Rendered:
    """A ruleset that was written as it is loaded."""
    return Rendered(text, tuple(f"{file}:{number}" for number in range(1, text.count("\n") + 1)), file)


def rulesets(v4: str | None = None, *, v6: str | None = None, name: str = "gateway") -> Rulesets:
    """The rulesets of a node, written as they are loaded."""
    texts = {"v4": (v4, f"{name}.rules"), "v6": (v6, f"{name}.rules6")}
    return Rulesets(**{kind: rendered(text, file) for kind, (text, file) in texts.items() if text is not None})


def topology(written: Mapping[str, Any]) -> Topology:
    """The topology that a file says."""
    return Topology.model_validate(written)
