"""A helper is there where a rule assigns it, and nowhere by the port alone.

As the kernel's own nft_conntrack_helper.sh documents it, for tables of one family and of both, in IPv4 and IPv6.
"""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Handshake, Question
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.scenes import rendered, rulesets, table, topology
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel

CHAIN = """table {family} made {{
    ct helper control {{ type "ftp" protocol tcp; }}
    chain {hook} {{
        type filter hook {hook} priority filter
        tcp dport 2121 ct helper set "control"
    }}
}}
"""
OWN = table("raw", "-A OUTPUT -p tcp --dport 2121 -j CT --helper ftp")
BY = table("raw", "-A PREROUTING -p tcp --dport 2121 -j CT --helper ftp")
POLICIES = {
    "inet": {"client": CHAIN.format(family="inet", hook="output"), "gateway": CHAIN.format(family="inet", hook="prerouting")},
    "ip and ip6": {
        "client": "".join(CHAIN.format(family=family, hook="output") for family in ("ip", "ip6")),
        "gateway": "".join(CHAIN.format(family=family, hook="prerouting") for family in ("ip", "ip6")),
    },
}


def helpers(lab: Lab, port: int, family: int) -> dict[str, str | None]:
    """The helper that each node's entry of a connection has, before it is closed."""
    ends = ("10.0.1.10", "10.0.2.10") if family == 4 else ("2001:db8:1::10", "2001:db8:2::10")
    question = Question("client", *ends, Handshake(port), receivers=(("server", port),))
    with lab.batch(), Conversation(lab.stage, question) as talk:
        opened = talk.open()
    assert opened is not None
    return {entry.node: entry.helper for entry in opened.conntrack}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("of", ["inet", "ip and ip6", "nft", "legacy"])
def test_a_helper_is_assigned_by_its_rule_alone(of: str, family: int) -> None:
    backend = Backend.LEGACY if of == "legacy" else Backend.NFT
    if of in POLICIES:
        policies = {name: Rulesets(nft=rendered(text, f"{name}.nft")) for name, text in POLICIES[of].items()}
    else:
        policies = {"client": rulesets(OWN, v6=OWN, name="client"), "gateway": rulesets(BY, v6=BY)}
    with Lab(topology(dual_corridor()), policies, backend=backend) as lab:
        assert helpers(lab, 2121, family) == {"client": "ftp", "gateway": "ftp"}
        assert helpers(lab, 21, family) == {"client": None, "gateway": None}
