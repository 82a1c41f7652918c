"""What breaks a lab when a drill starts: each fault is there afterwards, and what cannot be done says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.drill.faults import FAULTS
from lab.drill.fouls import guards_of, opened
from lab.drill.grounds import Grounds
from lab.errors import InputError
from lab.kernel.ground.tools import run
from lab.site import Site
from lab.written.drill_faults import Fault
from tests.kernel.scenes import corridor, rulesets, table, topology

pytestmark = pytest.mark.kernel

RULES = (
    "-A FORWARD -p tcp --dport 22 -m comment --comment ssh -j ACCEPT",
    "-A FORWARD -p tcp --dport 80 -m comment --comment web -j ACCEPT",
    "-A FORWARD -p tcp --dport 443 -m comment --comment tls -j ACCEPT",
)
OTHER = rulesets(table("filter", "-A FORWARD -m comment --comment other -j ACCEPT", FORWARD="DROP"))


@pytest.fixture
def grounds() -> Iterator[Grounds]:
    policies = {"gateway": rulesets(table("filter", *RULES, FORWARD="DROP"))}
    with Site(topology(corridor()), policies) as site:
        yield Grounds(site, {}, {"other": OTHER})


def broken(grounds: Grounds, **fault: Any) -> None:
    found = Fault.model_validate({key.replace("_", "-"): said for key, said in fault.items()})
    FAULTS[found.kind](grounds, found.said)


def comments(grounds: Grounds) -> list[str | None]:
    return [rule.comment for rule in grounds.held("gateway").rules() if rule.chain == "FORWARD"]


def shown(grounds: Grounds, *argv: str) -> str:
    return run(grounds.node("gateway").namespace, list(argv)).out


def test_rules_go_move_and_come(grounds: Grounds) -> None:
    broken(grounds, move_rule={"node": "gateway", "comment": "tls", "to": 1})
    assert comments(grounds) == ["tls", "ssh", "web"]
    broken(grounds, remove_rule={"node": "gateway", "comment": "ssh"})
    assert comments(grounds) == ["tls", "web"]
    broken(grounds, add_rule={"node": "gateway", "rule": "-I FORWARD 2 -m comment --comment new -j DROP", "family": 4})
    assert comments(grounds) == ["tls", "new", "web"]
    with pytest.raises(InputError, match="no rule with the comment 'ssh'"):
        broken(grounds, remove_rule={"node": "gateway", "comment": "ssh"})
    with pytest.raises(InputError, match="modprobe"):
        broken(grounds, add_rule={"node": "gateway", "rule": "-A FORWARD --modprobe=/bin/true -j DROP"})


def test_another_policy_is_loaded(grounds: Grounds) -> None:
    broken(grounds, load={"gateway": "other"})
    assert comments(grounds) == ["other"]


def test_sysctls_mtus_and_links(grounds: Grounds) -> None:
    (interface, *_) = grounds.node("gateway").ports
    broken(grounds, sysctl={"node": "gateway", "set": {"net.ipv4.conf.all.rp_filter": 1}})
    assert shown(grounds, "sysctl", "-n", "net.ipv4.conf.all.rp_filter").strip() == "1"
    broken(grounds, mtu={"node": "gateway", "interface": interface, "mtu": 1280})
    assert " mtu 1280 " in shown(grounds, "ip", "link", "show", interface)
    broken(grounds, link={"node": "gateway", "interface": interface})
    assert "state DOWN" in shown(grounds, "ip", "link", "show", interface)
    with pytest.raises(InputError, match="no interface wrong0"):
        broken(grounds, mtu={"node": "gateway", "interface": "wrong0", "mtu": 1280})


def test_conntrack_is_filled(grounds: Grounds) -> None:
    broken(grounds, fill_conntrack={"node": "gateway", "entries": 500})
    assert shown(grounds, "conntrack", "-C").strip() == "500"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("-P FORWARD ACCEPT", "gateway filter:FORWARD has the policy ACCEPT: what no rule denies passes"),
        ("-F FORWARD", "gateway filter:FORWARD was flushed: no rule is left in it"),
        ("-I FORWARD 1 -j ACCEPT", "gateway filter:FORWARD has a rule that accepts everything"),
        ("-A FORWARD -m comment --comment all -j ACCEPT", "gateway filter:FORWARD has a rule that accepts everything"),
        ("-A FORWARD -i lo -j ACCEPT", None),
        ("-D FORWARD 1", None),
    ],
)
def test_what_opens_everything_is_told(grounds: Grounds, lines: str, told: str | None) -> None:
    guards = tuple(guards_of("gateway", grounds.held("gateway").chains))
    assert opened(guards, grounds) == frozenset()
    grounds.tool("gateway", ["iptables-nft", "-w", *lines.split()])
    assert opened(guards, grounds) == ({told} if told else frozenset())
