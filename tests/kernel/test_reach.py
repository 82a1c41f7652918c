"""A service matrix says of every two addresses what a single probe of them says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.record.service_matrix import Group, ServiceMatrix, ServiceMatrixReport, State
from lab.ruleset.addresses import address_of, read_addresses
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.study.reaching.asking import Found, ask, state_of
from lab.study.reaching.constants import Constants, constants_of
from lab.study.reaching.ends import Ends
from lab.study.reaching.hosts import that_take_what_is_turned_round, with_addresses
from lab.study.reaching.measure import measure
from lab.written.topology import Topology
from tests.kernel.scenes import ESTABLISHED, rulesets, table, topology

pytestmark = pytest.mark.kernel

SITE: dict[str, Any] = {
    "topology": "site", "networks": {"wan": "198.51.100.0/24", "lan": "10.1.0.0/24", "dmz": "10.2.0.0/24"},
    "nodes": {
        "world": {"role": "internet", "interfaces": {"wan": "198.51.100.254"}, "anyip": True, "via": "gateway"},
        "gateway": {
            "role": "gateway", "interfaces": {"wan": "198.51.100.1", "lan": "10.1.0.1", "dmz": "10.2.0.1"}, "forwards": True,
            "via": "world", "routes": ["10.9.0.0/16 via 10.1.0.99"],
        },
        "pc": {"role": "client", "interfaces": {"lan": "10.1.0.10"}, "via": "gateway"},
        "inner": {"role": "router", "interfaces": {"lan": "10.1.0.99"}, "anyip": ["10.9.0.0/16"], "via": "gateway"},
        "web": {"role": "backend", "interfaces": {"dmz": "10.2.0.10"}, "via": "gateway", "services": ["tcp/80"]},
    },
}  # fmt: skip
STANDS_IN = {"wan": "world", "lan": "pc", "dmz": "web"}
STATEFUL = table(
    "nat", "-A PREROUTING -d 198.51.100.1 -p tcp --dport 80 -j DNAT --to-destination 10.2.0.10",
    "-A POSTROUTING -s 10.0.0.0/8 -o wan -j MASQUERADE",
) + table(
    "filter", ESTABLISHED, "-A FORWARD -s 10.1.0.64/26 -d 10.2.0.0/24 -p tcp --dport 22 -j ACCEPT",
    "-A FORWARD ! -s 10.9.0.0/17 -d 10.2.0.10/32 -p tcp --dport 80 -j ACCEPT",
    "-A FORWARD -s 203.0.113.7/32 -j REJECT", "-A FORWARD -s 203.0.113.0/24 -d 10.1.0.8/29 -p tcp --dport 22 -j ACCEPT",
    "-A INPUT -s 10.9.3.0/24 -p tcp --dport 22 -j ACCEPT", "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    FORWARD="DROP", INPUT="DROP",
)  # fmt: skip
STATELESS = table(
    "filter", "-A FORWARD -s 10.1.0.0/24 -p tcp --dport 22 -j ACCEPT",
    "-A FORWARD -s 10.2.0.0/25 -d 10.1.0.0/24 -p tcp --sport 22 -j ACCEPT",
    "-A FORWARD -d 10.1.0.32/27 -p tcp --sport 22 -j ACCEPT", "-A FORWARD -s 10.1.0.5 -p tcp --dport 80 -j ACCEPT",
    FORWARD="DROP",
)  # fmt: skip
REMEMBERING = table(
    "filter", ESTABLISHED, "-A FORWARD -p tcp --dport 22 -m recent --name seen --update --seconds 60 --hitcount 2 -j DROP",
    "-A FORWARD -p tcp --dport 22 -m recent --name seen --set",
    "-A FORWARD -s 10.1.0.0/25 -p tcp --dport 22 -m limit --limit 1/min --limit-burst 2 -j ACCEPT",
    "-A FORWARD -d 10.1.0.128/25 -p tcp -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 1 --hashlimit-mode srcip "
    "--hashlimit-name few -j ACCEPT", FORWARD="DROP",
)  # fmt: skip


def measured(v4: str | None, *services: str, written: dict[str, Any] = SITE, **nodes: Rulesets) -> ServiceMatrixReport:
    policies = nodes if v4 is None else {"gateway": rulesets(v4), **nodes}
    report = measure(Scene(topology(written), policies, {}), Backend.NFT, (4,), services)
    assert (report.problems, report.lost, report.unsettled, report.exit_code) == ((), (), (), 0)
    return report


def state(matrix: ServiceMatrix, source: str, destination: str) -> State:
    """What an address comes to at another."""
    names = tuple(group_of(matrix, address).name for address in (source, destination))
    found = [way.state for way in matrix.ways if (way.source, way.destination) == names]
    return found[0] if found else State.DENIED


def group_of(matrix: ServiceMatrix, address: str) -> Group:
    number = read_addresses([address], 4)[0][0]
    return next(
        group for group in matrix.groups if any(low <= number <= high for low, high in read_addresses(group.addresses, 4))
    )


def at_random(choose: random.Random, group: Group, on: Topology) -> str:
    """An address of a group that a host can have."""
    while True:
        low, high = choose.choice(read_addresses(group.addresses, 4))
        address = str(address_of(choose.randint(low, high), 4))
        if on.can_send(address) and not address.endswith(".0"):
            return address


def as_told(found: State) -> State:
    """A matrix has no way for what does not come through, whatever the reason."""
    return found if found.lets_in or found is State.LOST else State.DENIED


@pytest.mark.parametrize("v4", [STATEFUL, STATELESS, REMEMBERING], ids=["stateful", "stateless", "remembering"])
def test_random_addresses_of_each_two_groups_fare_as_the_matrix_says(v4: str) -> None:
    choose, plain = random.Random(7), topology(SITE)
    asked = [
        (matrix, at_random(choose, one, plain), at_random(choose, other, plain))
        for matrix in measured(v4, "tcp/22", "tcp/80").matrices
        for one in matrix.groups for other in matrix.groups
    ]  # fmt: skip
    given = {
        address: STANDS_IN[network] for _, *ends in asked for address in ends
        if (network := plain.network_of(address)) is not None and not plain.owners(address)
    }  # fmt: skip
    on, compared = with_addresses(that_take_what_is_turned_round(plain, ["gateway"]), given), set()
    with Lab(on, {"gateway": rulesets(v4)}) as lab, lab.batch():
        for matrix, source, destination in asked:
            if place(on, source) == place(on, destination):
                continue
            for service in matrix.services:
                verdict = lab.probe(str(on.owner(source)), destination, service, source=source)
                said = state(matrix, source, destination)
                assert as_told(state_of(verdict)) is said, f"{source} > {destination} {service}: {verdict.proof}"
                compared.add(said)
    assert compared >= {State.REACHES, State.DENIED}


def place(on: Topology, address: str) -> str:
    """Where an address lies, as the gateway sees it."""
    owner = str(on.owner(address))
    return {"gateway": "itself", "inner": "lan"}.get(owner) or on.network_of(address) or "wan"


@pytest.mark.parametrize("v4", [STATEFUL, REMEMBERING], ids=["stateful", "remembering"])
def test_every_cell_is_what_a_probe_of_it_says(v4: str) -> None:
    on = that_take_what_is_turned_round(topology(SITE), ["gateway"])
    for _ in range(2):
        with Lab(on, {"gateway": rulesets(v4)}) as lab:
            ends = Ends(on, ["gateway"], 4, constants(lab, "tcp", 22))
            if ends.given:
                on = with_addresses(on, ends.given)
                continue
            found = Found()
            ask(lab, ends, "tcp", (22,), found)
            assert len(found.cells[22]) == found.questions > 50
            for (row, column), fare in found.cells[22].items():
                source, target = ends.sources.ends[row], ends.destinations.ends[column]
                if (row, column) not in found.turned:
                    verdict = lab.probe(source.node, target.address, "tcp/22", source=source.address)
                    assert (as_told(state_of(verdict)), verdict.rule) == (as_told(fare.state), fare.rule), (source, target)
            return
    pytest.fail("addresses are given once")


def constants(lab: Lab, proto: str, port: int) -> Constants:
    return constants_of(lab.policies["gateway"].chains, {}, 4, proto, ((port, port),))


def test_within_a_network_it_is_what_the_gateway_does_with_what_is_sent_to_it() -> None:
    some_alone = table("filter", ESTABLISHED, "-A FORWARD -s 10.1.0.64/26 -j ACCEPT", FORWARD="DROP")
    (matrix,) = measured(some_alone, "tcp/22").matrices
    assert state(matrix, "10.1.0.70", "10.1.0.10") is State.REACHES
    assert state(matrix, "10.1.0.10", "10.1.0.70") is State.DENIED
    way = next(way for way in matrix.ways if way.source == group_of(matrix, "10.1.0.70").name and way.within)
    assert str(way.by[0].rule) == "gateway filter:FORWARD:2"


def test_a_service_whose_refusal_is_dropped_is_asked_with_somebody_who_listens() -> None:
    """The answer of a datagram comes back, the error that says that nobody listens does not."""
    one_way = table("filter", "-A FORWARD -p udp -j ACCEPT", FORWARD="DROP")
    (matrix,) = measured(one_way, "udp/53").matrices
    assert state(matrix, "10.1.0.10", "10.2.0.10") is State.REACHES


def test_what_ends_behind_the_first_answer_does_not_reach() -> None:
    first_alone = table(
        "filter", "-A FORWARD -p tcp --tcp-flags SYN SYN -j ACCEPT", "-A FORWARD -p tcp --tcp-flags RST RST -j ACCEPT",
        FORWARD="DROP",
    )  # fmt: skip
    (matrix,) = measured(first_alone, "tcp/22").matrices
    assert state(matrix, "10.1.0.10", "10.2.0.10") is State.UNANSWERED


def test_an_answer_that_was_translated_on_its_way_is_none() -> None:
    untracked = table("raw", "-A PREROUTING -s 10.2.0.10 -j CT --notrack") + table(
        "nat", "-A PREROUTING -d 203.0.113.80 -p tcp -j DNAT --to-destination 10.2.0.10"
    )
    with Lab(topology(SITE), {"gateway": rulesets(untracked)}) as lab:
        (group,) = lab.sweep("pc", "203.0.113.80", "tcp/22").groups
        assert state_of(group.verdict) is State.UNANSWERED
        assert group.verdict.kind is lab.probe("pc", "203.0.113.80", "tcp/22").kind


def test_two_firewalls_one_behind_the_other() -> None:
    nodes: dict[str, Any] = {**SITE["nodes"], "web": {"role": "backend", "interfaces": {"far": "10.3.0.10"}, "via": "second"}}
    between = {"dmz": "10.2.0.2", "far": "10.3.0.1"}
    nodes["second"] = {"role": "router", "interfaces": between, "forwards": True, "via": "gateway"}
    nodes["gateway"] = {**nodes["gateway"], "routes": ["10.3.0.0/24 via 10.2.0.2"]}
    written = {**SITE, "networks": {**SITE["networks"], "far": "10.3.0.0/24"}, "nodes": nodes}
    near = table("filter", ESTABLISHED, "-A FORWARD -s 10.1.0.0/24 -j ACCEPT", FORWARD="DROP")
    far = table("filter", "-A FORWARD -d 10.3.0.128/25 -j DROP")
    (matrix,) = measured(near, "tcp/22", written=written, second=rulesets(far, name="second")).matrices
    assert state(matrix, "10.1.0.10", "10.3.0.10") is State.REACHES
    assert state(matrix, "10.1.0.10", "10.3.0.200") is State.DENIED
    assert states(matrix, "203.0.113.9", ["10.3.0.10", "10.3.0.200"]) == [State.DENIED] * 2


def states(matrix: ServiceMatrix, source: str, destinations: Sequence[str]) -> list[State]:
    return [state(matrix, source, destination) for destination in destinations]
