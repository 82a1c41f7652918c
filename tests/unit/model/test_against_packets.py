"""The model against packets walked one by one: every mutant, every packet that fares otherwise, every proposed flow."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from random import Random

import pytest

from lab.model.proposal import Proposed
from lab.written.topology import Topology
from tests.unit.model.generated import generated
from tests.unit.model.held_against import Pair, firewall, of_flow, told
from tests.unit.model.made import RULES, SETS, SITE, saved
from tests.unit.model.mutants import mutant

_DUMPS = Path(__file__).parents[4] / "shared" / "rulesets"
_STAGES: dict[str, tuple[dict[str, str], str]] = {
    "company_mainfw_2016-01-30": ({"eth0": "172.16.2.0/24", "ppp0": "203.0.113.0/24"}, "ppp0"),
    "company_mainfw_2016-01-31": ({"eth0": "172.16.2.0/24", "ppp0": "203.0.113.0/24"}, "ppp0"),
    "shorewall_home_2015-08_antispoof": ({"lup": "203.0.113.0/24", "lua": "10.1.0.0/24", "lmd": "10.3.0.0/24"}, "lup"),
    "docker_topos4.1": ({"docker0": "172.17.0.0/16", "br-b74b417b331f": "172.18.0.0/16", "eth0": "203.0.113.0/24"}, "eth0"),
    "majek_vpn": ({"eth0": "203.0.113.0/24", "ppp0": "10.8.0.0/24"}, "eth0"),
    "ufw_server2": ({"eth0": "203.0.113.0/24", "eth1": "10.1.1.0/24"}, "eth0"),
}


def _missed(pair: Pair, proposed: Proposed, random: Random, packets: int) -> list[str]:
    """What differs for single packets and is in no class; and what is proposed and differs for none."""
    sides = pair.sides(random.randrange(1000))
    missed = [
        told(found) for sent in pair.packets(random, packets) for found in pair.differences(sent, sides)
        if not pair.holds(found, proposed)
    ]  # fmt: skip
    for one in proposed.proposals:
        if not one.new.outcome.startswith("what follows"):  # single packets have no third one
            sent, alone = of_flow(one, pair.stage), Proposed((one,))
            tries = (found for seed in range(40) for found in pair.differences(sent, pair.sides(seed)))
            if not any(pair.holds(found, alone) for found in tries):
                missed.append(f"proposed and the same: {one}")
    return missed


def _mutants(topology: Topology, text: str, sets: str, *, seed: int, count: int, packets: int) -> tuple[int, list[str]]:
    random = Random(seed)
    old = saved(text)
    differing, missed = 0, list[str]()
    for _ in range(count):
        what, changed = mutant(text, random)
        pair = Pair(topology, old, saved(changed), (sets, sets))
        proposed = pair.proposed()
        differing += bool(proposed.proposals)
        missed += [f"{what} | {one}" for one in _missed(pair, proposed, random, packets)]
    return differing, missed


def test_no_mutant_of_a_made_firewall_escapes() -> None:
    differing, missed = _mutants(SITE, RULES, SETS, seed=11, count=40, packets=120)
    assert missed == []
    assert differing > 20


@pytest.mark.parametrize("name", _STAGES)
def test_no_mutant_of_a_real_firewall_escapes(name: str) -> None:
    text, topology = _dump(name), firewall(*_STAGES[name])
    old = saved(text)
    assert Pair(topology, old, old).proposed().proposals == ()
    _, missed = _mutants(topology, text, "", seed=7, count=6, packets=60)
    assert missed == []


def test_two_dumps_of_one_firewall() -> None:
    old, new = (saved(_dump(f"company_mainfw_2016-01-{day}")) for day in (30, 31))
    pair = Pair(firewall(*_STAGES["company_mainfw_2016-01-30"]), old, new)
    proposed = pair.proposed()
    assert len(proposed.proposals) > 50
    assert _missed(pair, proposed, Random(2), 300) == []


def test_changes_in_a_large_ruleset() -> None:
    topology = firewall({"in": "10.0.0.0/8", "out": "203.0.113.0/24"}, "out")
    old, new = saved(generated(1000, 3)), saved(generated(1000, 3, changes=10))
    pair = Pair(topology, old, new)
    proposed = pair.proposed()
    assert len(proposed.proposals) >= 1
    assert _missed(pair, proposed, Random(1), 100) == []




def _dump(name: str) -> str:
    file = _DUMPS / f"{name}.v4.rules"
    if not file.exists():
        pytest.skip(f"there is no {file}")
    return file.read_text()




def test_the_walk_of_single_packets_tells_a_flip() -> None:
    """What the model is held against finds a difference by itself."""
    pair = Pair(SITE, saved(RULES), saved(RULES.replace("--dport 22 -m comment", "--dport 23 -m comment")), (SETS, SETS))
    desk = int(ipaddress.ip_address("10.20.0.10"))
    found = [one for sent in pair.packets(Random(4), 4000) for one in pair.differences(sent, pair.sides(1))]
    assert {one.sent.dport for one in found} == {22, 23}
    assert any(one.sent.source == desk for one in found)
