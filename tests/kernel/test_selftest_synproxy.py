"""What the kernel's own nft_synproxy.sh holds: a server is reached through the proxy, and in no other way."""

from __future__ import annotations

import pytest

from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.dual import dual
from tests.kernel.scenes import rendered

pytestmark = pytest.mark.kernel

STRICT = {"net.netfilter.nf_conntrack_tcp_loose": 0}
TAKEN = 'synproxy mss 1460 sack-perm timestamp comment "guard"'
SCRIPT = """
table inet guard {
	chain before {
		type filter hook prerouting priority raw; policy accept;
		iifname "left" tcp flags syn notrack
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state { new, established } accept
		iifname "left" meta l4proto tcp ct state { invalid, untracked } TAKEN
		ct state invalid drop
		tcp flags syn drop comment "only by the proxy"
	}
}
"""


@pytest.mark.parametrize("family", [4, 6])
def test_the_server_is_reached_by_the_proxy_alone(lab_of: LabOf, family: int) -> None:
    lab = lab_of(dual(sysctls=STRICT), gateway=Rulesets(nft=rendered(SCRIPT.replace("TAKEN", TAKEN), "gateway.nft")))
    verdict = lab.probe("client", "server", "tcp/443", family=family)
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.ALLOWED, "guard"), verdict.proof
    bare = lab_of(dual(sysctls=STRICT), gateway=Rulesets(nft=rendered(SCRIPT.replace("TAKEN", "counter"), "gateway.nft")))
    verdict = bare.probe("client", "server", "tcp/443", family=family)
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.DROPPED, "only by the proxy"), verdict.proof
