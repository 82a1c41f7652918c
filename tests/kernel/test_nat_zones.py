"""Hosts with one and the same address behind one gateway: zones keep their flows apart, and translation gives each a port.

As the kernel's own nft_nat_zones.sh documents it: every client asks from the same address and port; a zone for the direction
of each, its mark and its table bring the answers back to who asked.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Handshake, Question
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.scenes import FAR, SERVER, rendered, rulesets, table, topology
from tests.kernel.test_isolation import entries

pytestmark = pytest.mark.kernel

SAME, CLIENTS = "192.0.2.3", ("one", "two", "three")
NATIVE = """table inet zoned {{
    map zones {{ type ifname : mark; elements = {{ {elements} }} }}
    map marks {{ type ifname : mark; elements = {{ {elements} }} }}
    chain first {{
        type filter hook prerouting priority raw
        ct original zone set iifname map {{ {elements} }}
        meta mark set iifname map @marks
    }}
    chain back {{
        type filter hook prerouting priority mangle
        ct direction reply meta mark set ct mark
    }}
    chain hidden {{
        type nat hook postrouting priority srcnat
        oifname "right" ct mark set meta mark masquerade
    }}
}}
""".format(elements=", ".join(f'"{name}" : {number}' for number, name in enumerate(CLIENTS, 1)))
IPTABLES = (
    table("raw", *(f"-A PREROUTING -i {name} -j CT --zone-orig {number}" for number, name in enumerate(CLIENTS, 1)))
    + table(
        "mangle", "-A PREROUTING -i right -j CONNMARK --restore-mark",
        *(f"-A PREROUTING -i {name} -j MARK --set-mark {number}" for number, name in enumerate(CLIENTS, 1)),
        "-A POSTROUTING -o right -j CONNMARK --save-mark",
    )
    + table("nat", "-A POSTROUTING -o right -j MASQUERADE")
)  # fmt: skip


def stage() -> dict[str, Any]:
    """Three clients, each alone on a network of its own, and all of them with one more address that is the same."""
    networks = {name: f"10.0.{number}.0/24" for number, name in enumerate(CLIENTS, 11)} | {"right": "10.0.2.0/24"}
    gateway = {name: f"10.0.{number}.1" for number, name in enumerate(CLIENTS, 11)} | {"right": FAR}
    routes = [f"{SAME} via 10.0.{number}.10 table {number - 10}" for number, _ in enumerate(CLIENTS, 11)]
    rules = [f"fwmark {number} lookup {number} pref {number + 100}" for number, _ in enumerate(CLIENTS, 1)]
    clients = {
        name: {"role": "client", "interfaces": {name: f"10.0.{number}.10"}, "anyip": [f"{SAME}/32"], "via": "gateway"}
        for number, name in enumerate(CLIENTS, 11)
    }
    nodes = {
        **clients,
        "gateway": {"role": "gateway", "interfaces": gateway, "forwards": True, "routes": routes, "rules": rules},
        "server": {"role": "backend", "interfaces": {"right": "10.0.2.10"}, "via": "gateway"},
    }
    return {"topology": "zoned", "networks": networks, "nodes": nodes}


@pytest.mark.parametrize("of", ["native", "nft", "legacy"])
def test_one_address_and_port_of_many_hosts(of: str) -> None:
    backend = Backend.LEGACY if of == "legacy" else Backend.NFT
    policy = Rulesets(nft=rendered(NATIVE, "gateway.nft")) if of == "native" else rulesets(IPTABLES)
    question = Question("", SAME, SERVER, Handshake(5201), sport=10_000, receivers=(("server", 5201),))
    with Lab(topology(stage()), {"gateway": policy}, backend=backend) as lab:
        with lab.batch(), ExitStack() as open_:
            talks = [open_.enter_context(Conversation(lab.stage, replace(question, node=name))) for name in CLIENTS]
            steps = [step for talk in talks for step in (talk.open(), talk.send(), talk.answer())]
            table_ = [*lab.instrument.nodes["gateway"].conntrack.entries()]
        assert {step and str(step.stage) for step in steps} == {"answered"}
        assert sorted(entry.zone_orig for entry in table_) == [1, 2, 3]
        assert {entry.zone_reply for entry in table_} == {0}
        assert {(entry.original.source, entry.original.sport) for entry in table_} == {(SAME, 10_000)}
        ports = {entry.reply.dport for entry in table_}
        assert (len(ports), 10_000 in ports) == (3, True), "one keeps its port, the others get another"
        assert {entry.reply.destination for entry in table_} == {FAR}
        assert entries(lab.network.nodes["gateway"]) == 0
