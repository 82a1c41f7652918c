"""What the kernel's own nft_tproxy_tcp.sh and nft_tproxy_udp.sh hold: which packets to two servers a proxy takes.

What is forwarded to one server is handed over, what is sent to the other is not; the router's own packets are only where a mark
sends them to the router itself, so that they come to prerouting.
"""

from __future__ import annotations

from typing import Any

import pytest

from lab.probe.question import Datagram, Handshake, Question, Sends
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor, rendered

pytestmark = pytest.mark.kernel

OTHER, THIRD = "10.0.3.10", "10.0.3.1"
SIX = {"client": "2001:db8:1::10", "server": "2001:db8:2::10", "other": "2001:db8:3::10", "gateway": "2001:db8:2::1"}
FOUR = {"client": CLIENT, "server": SERVER, "other": OTHER, "gateway": FAR}
ADDRESSES = {4: FOUR, 6: SIX}
HANDED = """
	chain divert {{
		type filter hook prerouting priority 0; policy accept;
		{what} tproxy {family} to :12000 meta mark set 1 accept
	}}
"""
OWN = """
	chain output {{
		type route hook output priority 0; policy accept;
		{what} meta mark set 1 accept
	}}
"""


def three_networks(family: int) -> dict[str, Any]:
    server = ADDRESSES[family]["server"]
    written = corridor(
        client={"interfaces": {"left": [CLIENT, SIX["client"]]}},
        server={"interfaces": {"right": [SERVER, SIX["server"]]}},
        other={"role": "backend", "interfaces": {"third": [OTHER, SIX["other"]]}, "via": "gateway"},
        gateway={
            "interfaces": {
                "left": [NEAR, "2001:db8:1::1"], "right": [FAR, "2001:db8:2::1"], "third": [THIRD, "2001:db8:3::1"],
            },
            "rules": "fwmark 1 lookup 100",
            "routes": f"local {server} dev lo table 100",
        },
    )  # fmt: skip
    networks = {name: [f"10.0.{of}.0/24", f"2001:db8:{of}::/64"] for of, name in enumerate(("left", "right", "third"), 1)}
    return {**written, "networks": networks}


def script(family: int, sends: Sends, *, own: bool) -> Rulesets:
    proto = "tcp" if isinstance(sends, Handshake) else "udp"
    word = "ip" if family == 4 else "ip6"
    what = f"{word} daddr {ADDRESSES[family]['server']} {proto} dport 8080"
    chains = (HANDED + (OWN if own else "")).format(what=what, family=word)
    return Rulesets(nft=rendered(f"table inet proxy {{{chains}}}\n", "gateway.nft"))


@pytest.mark.parametrize("own", [False, True], ids=["forwarded", "own"])
@pytest.mark.parametrize("sends", [Handshake(8080), Datagram(8080)], ids=["tcp", "udp"])
@pytest.mark.parametrize("family", [4, 6])
def test_who_is_proxied(lab_of: LabOf, family: int, sends: Sends, own: bool) -> None:
    lab = lab_of(three_networks(family), gateway=script(family, sends, own=own))
    address = ADDRESSES[family]
    taken = {("client", "server"): "gateway", ("gateway", "server"): "gateway" if own else "server"}
    for sender in ("client", "gateway"):
        for target in ("server", "other"):
            receivers = (("gateway", 12000), ("server", 8080), ("other", 8080))
            verdict = lab.ask(Question(sender, address[sender], address[target], sends, receivers=receivers), "gateway")
            assert verdict.allowed, (sender, target, verdict.proof)
            assert verdict.arrived is not None
            at = taken.get((sender, target), target)
            assert (verdict.arrived.at, verdict.arrived.address) == (at, address[target])
            assert verdict.arrived.port == (12000 if at == "gateway" else 8080)
