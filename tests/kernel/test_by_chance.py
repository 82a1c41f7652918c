"""Of ports whose packets or answers a rule may treat by chance nothing is settled; of all others it is."""

from __future__ import annotations

import pytest

from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import SERVER, corridor, rendered

pytestmark = pytest.mark.kernel

HALF = "-m statistic --mode random --probability 0.5"
ANSWERED = """*filter
:FORWARD DROP [0:0]
-A FORWARD -s 10.0.2.10 -p tcp --sport 22 {half} -j DROP
-A FORWARD -s 10.0.2.10 -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p tcp --dport 20:29 -j ACCEPT
COMMIT
"""
ASKED = """*filter
:FORWARD DROP [0:0]
-A FORWARD -s 10.0.2.10 -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p tcp --dport 22 {half} -j ACCEPT
COMMIT
"""
NUMGEN = """table ip t {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established accept
        tcp dport 22 numgen random mod 2 0 accept
    }
}
"""


def unsettled(lab_of: LabOf, policy: Rulesets) -> set[int]:
    lab = lab_of(corridor(server={"services": ["tcp/22"]}), gateway=policy)
    groups = lab.sweep("client", SERVER, "tcp/1-60").groups
    return {port for group in groups if group.unsettled for first, last in group.keys for port in range(first, last + 1)}


def test_an_answer_that_chance_may_drop_is_not_settled(lab_of: LabOf) -> None:
    left = unsettled(lab_of, Rulesets(v4=rendered(ANSWERED.format(half=HALF), "door.rules")))
    assert 22 in left
    assert left <= set(range(20, 30))  # an answer names no port, so all that were answered


@pytest.mark.parametrize(
    "policy",
    [Rulesets(v4=rendered(ASKED.format(half=HALF), "door.rules")), Rulesets(nft=rendered(NUMGEN, "door.nft"))],
    ids=["iptables", "nft"],
)
def test_a_port_that_the_rule_of_chance_is_not_about_is_settled(lab_of: LabOf, policy: Rulesets) -> None:
    assert unsettled(lab_of, policy) == {22}
