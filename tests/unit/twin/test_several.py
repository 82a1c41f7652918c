"""Several hosts are one topology, joined where they share a network; and what words of a command line stand for."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.twin.build import twin_of
from lab.twin.twin import Twin
from tests.unit.twin.made import FORWARDS, addresses, anyip, edge, host, link

A = host(
    link("eth0", "198.51.100.2/29"), link("eth1", "10.0.0.1/24"), link("docker0", "172.17.0.1/16", kind="bridge"), name="a",
    routes=["default via 198.51.100.1 dev eth0", "10.2.0.0/16 via 10.0.0.2 dev eth1", "10.3.0.0/16 via 10.0.0.9 dev eth1"],
)  # fmt: skip
B = host(
    link("ens3", "10.0.0.2/24"), link("eth0", "10.2.0.1/16"), link("docker0", "172.17.0.1/16", kind="bridge"), name="b",
    routes=["default via 10.0.0.1 dev ens3"],
)  # fmt: skip


@pytest.fixture
def both() -> Twin:
    return twin_of([A, B])


def test_they_are_neighbours_on_the_network_that_they_share(both: Twin) -> None:
    nodes = both.topology.nodes
    assert list(nodes) == ["a", "b", "behind-a-eth0", "behind-a-b", "behind-a-docker0", "behind-b-eth0"]
    assert nodes["a"].interfaces["eth1"].network == nodes["b"].interfaces["ens3"].network == "a-b"
    assert addresses(nodes["behind-a-b"]) == {"eth1": ["10.0.0.9/24"]}, "the host's own address is no gateway of somebody else"
    assert anyip(nodes["behind-a-b"]) == ["10.3.0.0/16", "10.0.0.0/24"]
    owners = {"10.0.0.2": "b", "10.0.0.77": "behind-a-b", "10.2.9.9": "behind-b-eth0", "9.9.9.9": "behind-a-eth0"}
    assert {one: both.topology.owner(one) for one in owners} == owners


def test_a_network_that_each_host_has_for_itself_is_the_firsts(both: Twin) -> None:
    assert "docker0" not in both.topology.nodes["b"].interfaces
    assert "b: docker0 is not in the lab: 172.17.0.1 is the address of a (docker0) too" in both.notes


def test_words_where_there_are_several(both: Twin) -> None:
    assert both.word("@ens3", sender=True) == "behind-a-b"
    assert both.word("@docker0", sender=True) == "behind-a-docker0"
    assert both.word("b", sender=False) == "b"
    for word, told in (
        ("self", "`self` (from) is one host, and this twin is of a and b"),
        ("@eth0", "'@eth0': a and b have an interface eth0\n    name who is behind it: behind-a-eth0 or behind-b-eth0"),
        ("@eth9", "'@eth9': a and b have no interface 'eth9'"),
    ):
        with pytest.raises(InputError) as caught:
            both.word(word, sender=True)
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("self", "edge"), ("@eth0", "behind-eth0"), ("10.0.0.5", "10.0.0.5"), ("10.0.0.0/24", "10.0.0.0/24"),
        ("10.0.0.1", "10.0.0.1"), ("9.9.9.9@eth1", "{at: behind-eth1, address: 9.9.9.9}"), ("edge@eth0", "edge@eth0"),
        ("role:host", "role:host"), ("2001:db8::1@eth0", "{at: behind-eth0, address: 2001:db8::1}"), ("edge@lo", "edge@lo"),
    ],
)  # fmt: skip
def test_words(word: str, meant: str) -> None:
    twin = edge()
    assert twin.word(word, sender=True) == twin.word(word, sender=False) == meant


def test_an_interface_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InputError) as caught:
        edge().word("9.9.9.9@eth9", sender=False)
    assert str(caught.value) == "'9.9.9.9@eth9': edge has no interface 'eth9'\n    did you mean 'eth1'?"
    with pytest.raises(InputError, match="the interfaces: eth0, eth1"):
        edge().word("@wan", sender=False)


def test_a_host_that_is_called_self_is_itself() -> None:
    twin = twin_of([host(link("eth0", "10.0.0.1/24"), name="self"), host(link("eth0", "10.1.0.1/24"), name="other")])
    assert twin.word("self", sender=True) == "self"


NODES = [("fw 1/a", "fw-1-a"), ("", "host"), ("10.0.0.1", "host-10.0.0.1"), ("-x", "host--x")]


@pytest.mark.parametrize(("name", "node"), NODES)
def test_names_of_hosts(name: str, node: str) -> None:
    assert list(twin_of([host(link("eth0", "10.0.0.1/24"), name=name, sysctls=FORWARDS)]).hosts) == [node]


def test_a_host_may_be_called_as_who_is_behind_it() -> None:
    twin = twin_of([host(link("eth0", "10.0.0.1/24"), name="behind-eth0")])
    assert twin.behind == {"behind-eth0": {"eth0": "behind-eth0-"}}


def test_two_hosts_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="two hosts are called a"):
        twin_of([A, A])
    with pytest.raises(InputError, match="there is no host"):
        twin_of([])


def test_the_host_itself_is_who_the_sender_meets() -> None:
    twin = edge()
    assert twin.ends("10.0.0.5", "self") == ("10.0.0.5", "edge@eth1")
    assert twin.ends("@eth0", "self") == ("behind-eth0", "edge@eth0")
    assert twin.ends("10.0.0.0/24", "self") == ("10.0.0.0/24", "edge@eth1")
    assert twin.ends("self", "9.9.9.9") == ("edge", "9.9.9.9")
    assert twin.ends("self", "self") == ("edge", "edge")


@pytest.mark.parametrize("words", [("10.0.0.5", "10.0.0.6"), ("@eth1", "@eth1"), ("10.0.0.5", "10.0.0.6@eth1")])
def test_two_behind_one_interface_are_one_node_and_nothing_is_asked(words: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="behind eth1 of edge, where packets may pass by it"):
        edge().ends(*words)
