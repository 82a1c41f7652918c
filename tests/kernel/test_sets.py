"""Sets of ipset: loaded before the rules that name them, refused with their line, and gone with the node."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.kernel.ground.tools import run
from lab.kernel.hold.loading import load
from lab.kernel.stage.node import Node
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, corridor, rendered, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SETS = f"""create blocked hash:net family inet
add blocked {CLIENT}
add blocked 192.0.2.0/24
create names list:set
add names blocked
"""
RULES = table("filter", "-A FORWARD -m set --match-set {} src -j DROP", "-A FORWARD -j ACCEPT")


def policy(sets: str, name: str = "blocked") -> Rulesets:
    return Rulesets(ipset=rendered(sets, "gateway.ipset"), v4=rendered(RULES.format(name)))


@pytest.mark.parametrize("name", ["blocked", "names"])
def test_a_rule_asks_its_set(lab_of: LabOf, name: str) -> None:
    lab = lab_of(corridor(), gateway=policy(SETS, name))
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.rule and verdict.rule.place) == (Kind.DROPPED, "filter:FORWARD:1")
    assert verdict.rule is not None
    assert verdict.rule.source == "gateway.rules:5"
    assert lab.probe("client", "server", "tcp/443", source="10.0.1.77").rule != verdict.rule


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ("create blocked hash:net\nadd blocked nonsense\n", ["gateway.ipset:2", "add blocked nonsense"]),
        ("create blocked hash:nothing\n", ["gateway.ipset:1", "hash:nothing"]),
        ("create blocked hash:ip maxelem 1\nadd blocked 10.0.0.1\nadd blocked 10.0.0.2\n", ["gateway.ipset:3", "maxelem"]),
        ("create blocked hash:ip\nadd other 10.0.0.1\n", ["gateway.ipset:2", "does not exist"]),
        ("create blocked hash:ip\ncreate blocked hash:ip\n", ["gateway.ipset:2", "once"]),
        ("create other hash:ip\n", ["blocked"]),
    ],
)
def test_a_refusal_names_its_line(lab_of: LabOf, sets: str, words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        lab_of(corridor(), gateway=policy(sets))
    for word in words:
        assert word in str(raised.value)


def test_a_refused_ruleset_leaves_no_set(node: Node, backend: Backend) -> None:
    wrong = Rulesets(ipset=rendered(SETS, "x.ipset"), v4=rendered(table("filter", "-A FORWARD -j NOWHERE")))
    with pytest.raises(InputError):
        load(node, wrong, backend)
    assert run(node.namespace, ["ipset", "list", "-n"]).out == ""
