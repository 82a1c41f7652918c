"""What a node holds of native nft is told whole, but for what the lab's own tables are."""

from __future__ import annotations

import re

import pytest

from lab.kernel.hold.state import state_of
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rendered
from tests.kernel.test_state import differences

pytestmark = pytest.mark.kernel


NATIVE = """\
table inet filter {
	set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
	set banned { type ipv4_addr; flags timeout; elements = { 192.0.2.1 timeout 1h, 192.0.2.2 } }
	counter asked { }
	quota most { over 1 mbytes }
	chain forward {
		type filter hook forward priority filter; policy drop;
		ip saddr @banned drop
		ct state established,related accept
		tcp dport 80 counter name asked quota name most drop
		tcp dport 80 add @seen { ip saddr } accept
		tcp dport 81 jump {
			counter accept
		}
	}
}
"""
OTHERWISE = """\
table inet filter {
	set banned { type ipv4_addr; elements = { 192.0.2.2, 192.0.2.3 } }
	chain forward {
		comment "as of today"
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
	}
}
"""


def native(text: str) -> Rulesets:
    return Rulesets(nft=rendered(text, "gateway.nft"))


def test_of_native_nft_what_packets_made_is_carried(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=native(NATIVE))
    gateway = lab.network.nodes["gateway"]
    before = state_of(gateway, backend)
    assert differences(before, state_of(gateway, backend)) == []
    assert [part.shown for part in before.parts if "lab_" in part.shown] == [], "the lab's own tables are no part of it"
    assert lab.probe("client", "server", "tcp/80").allowed
    probed = differences(before, state_of(gateway, backend))
    assert [what for what, carried in probed if not carried] == []
    assert [re.sub(r"bytes \d+|used \d+ bytes", "N", what) for what, _ in probed] == [
        "- nft counter inet filter asked: packets 0 N", "+ nft counter inet filter asked: packets 1 N",
        "- nft quota inet filter most: over 1 mbytes", "+ nft quota inet filter most: over 1 mbytes N",
        "+ nft element inet filter seen 10.0.1.10",
    ]  # fmt: skip


def test_another_native_script_is_told_line_by_line(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=native(NATIVE))
    gateway = lab.network.nodes["gateway"]
    before = state_of(gateway, backend)
    lab.load("gateway", native(OTHERWISE))
    own = [what for what, carried in differences(before, state_of(gateway, backend)) if not carried]
    lab.load("gateway", native(NATIVE))
    assert differences(before, state_of(gateway, backend)) == []
    assert own == [
        "- nft counter inet filter asked { }",
        "- nft quota inet filter most { over 1 mbytes }",
        "- nft set inet filter seen { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1h }",
        "- nft set inet filter banned { type ipv4_addr; flags timeout }",
        "+ nft set inet filter banned { type ipv4_addr }",
        "+ nft element inet filter banned 192.0.2.3",
        "- nft inet filter forward { type filter hook forward priority filter; policy drop; }",
        "- nft inet filter forward ip saddr @banned drop",
        '+ nft inet filter forward { comment "as of today"; type filter hook forward priority filter; policy accept; }',
        '- nft inet filter forward tcp dport 80 counter name "asked" quota name "most" drop',
        "- nft inet filter forward tcp dport 80 add @seen { ip saddr } accept",
        "- nft inet filter forward tcp dport 81 jump { counter accept }",
    ]
