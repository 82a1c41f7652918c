"""From cells to groups and ways, without a kernel."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError
from lab.record.path import Rule
from lab.record.service_matrix import Group, Reached, ServiceMatrix, State, Way
from lab.ruleset.addresses import Addresses, read_addresses
from lab.study.reaching.against import compare, read_saved
from lab.study.reaching.asking import Fare
from lab.study.reaching.constants import Constants
from lab.study.reaching.ends import Ends
from lab.study.reaching.joining import join, joined
from lab.study.reaching.measure import services_of
from tests.unit.study.test_by_class import TOPOLOGY

LET_IN = Fare(State.REACHES, Rule("edge", "filter", "FORWARD", 2, "-A FORWARD -j ACCEPT"))
DENIED = Fare(State.DENIED)


def sets(*words: str) -> tuple[Addresses, ...]:
    return tuple(read_addresses([word], 4) for word in words)


def matrix_of(ends: Ends, let_in: set[tuple[str, str]], service: str = "tcp/22") -> ServiceMatrix:
    """The matrix where these addresses reach these, and nobody else anybody."""
    cells = {
        (row, column): LET_IN if (source.address, target.address) in let_in else DENIED
        for row, source in enumerate(ends.sources.ends) for column, target in enumerate(ends.destinations.ends)
    }  # fmt: skip
    return join(ends, set(), cells, service).matrix


def ends_of(sources: tuple[str, ...] = (), destinations: tuple[str, ...] = ()) -> Ends:
    return Ends(TOPOLOGY, ["edge"], 4, Constants(sets(*sources), sets(*destinations)))


def test_a_class_is_asked_by_an_address_that_a_node_has_and_else_one_is_given() -> None:
    ends = ends_of(("10.4.0.64/26", "203.0.113.0/24"), ("10.5.0.0/25",))
    asking = {(one.node, one.address, one.place) for one in ends.sources.ends if not one.own}
    assert ("desktop", "10.4.0.10", "desk") in asking
    assert ("desktop", "10.4.0.65", "desk") in asking
    assert ("world", "203.0.113.1", "line") in asking
    assert ends.given["10.4.0.65"] == "desktop"
    assert {node for address, node in ends.given.items() if address.startswith("10.5.")} == {"bench"}
    assert {one.address for one in ends.sources.ends if one.own} == {"192.0.2.1", "10.4.0.1", "10.5.0.1"}


def test_no_class_holds_what_no_host_can_have() -> None:
    spoken = [span for addresses, _, _ in ends_of().classes() for span in addresses]
    for never in ("127.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255"):
        ((number, _),) = read_addresses([never], 4)
        assert not any(low <= number <= high for low, high in spoken)


def test_what_fares_alike_is_one_group_whatever_rule_named_it() -> None:
    ends = ends_of(("203.0.113.0/25", "203.0.113.128/25", "198.51.100.7"), ("10.4.0.10",))
    found = matrix_of(ends, {(source, "10.4.0.10") for source in ("203.0.113.1", "203.0.113.129")})
    asking = next(group for group in found.groups if "203.0.113.0/24" in group.addresses)
    assert (asking.count, asking.asked, asking.places) == (256, 2, ("line",))
    (way,) = found.ways
    assert (way.source, way.state, way.by[0].cells) == (asking.name, State.REACHES, 2)
    assert way.example is not None
    assert way.example.node == "world"
    assert way.destination != asking.name


def test_the_largest_group_is_the_first() -> None:
    found = matrix_of(ends_of(("203.0.113.0/25",)), {("203.0.113.1", "10.4.0.10")})
    assert [group.name for group in found.groups][:2] == ["A", "B"]
    assert [group.count for group in found.groups] == sorted((group.count for group in found.groups), reverse=True)


def test_equal_matrices_of_two_services_are_told_together() -> None:
    ends = ends_of(("203.0.113.0/25",))
    one, other, third = (
        matrix_of(ends, {("203.0.113.1", to)}, service)
        for to, service in (("10.4.0.10", "tcp/22"), ("10.4.0.10", "tcp/80"), ("10.5.0.10", "tcp/443"))
    )
    assert [found.services for found in joined([one, other, third])] == [("tcp/22", "tcp/80"), ("tcp/443",)]


def matrix(groups: dict[str, str], *ways: tuple[str, str, State], service: str = "tcp/22") -> ServiceMatrix:
    made = tuple(Group(name, tuple(words.split()), 0, (), 1) for name, words in groups.items())
    return ServiceMatrix((service,), 4, made, tuple(Way(*way) for way in ways))


THEN = matrix({"A": "10.0.0.0/8", "B": "192.0.2.0/24"}, ("A", "B", State.REACHES))


def test_a_matrix_against_itself_under_other_names_is_the_same() -> None:
    again = matrix({"X": "192.0.2.0/24", "Y": "10.0.0.0/9", "Z": "10.128.0.0/9"},
                   ("Y", "X", State.REACHES), ("Z", "X", State.REACHES))  # fmt: skip
    assert compare([again], [THEN]) == ((), (), ())


def test_what_a_part_of_a_group_reaches_is_new_or_gone() -> None:
    now = matrix({"A": "10.0.0.0/9", "B": "192.0.2.0/25", "C": "192.0.2.128/25 10.128.0.0/9"},
                 ("A", "B", State.REACHES), ("B", "A", State.UNANSWERED), ("A", "C", State.UNANSWERED))  # fmt: skip
    added, gone, untold = compare([now], [THEN])
    new = Reached("tcp/22", 4, ("192.0.2.0/25",), ("10.0.0.0/9",), State.UNANSWERED, State.DENIED)
    assert (new in added, untold) == (True, ())
    assert Reached("tcp/22", 4, ("10.0.0.0/9",), ("192.0.2.128/25",), State.UNANSWERED, State.REACHES) in gone
    assert Reached("tcp/22", 4, ("10.128.0.0/9",), ("192.0.2.0/24",), State.DENIED, State.REACHES) in gone
    assert not {one.sources for one in added} - {("192.0.2.0/25",), ("10.0.0.0/9",)}


def test_whether_nobody_answers_or_no_answer_comes_back_is_no_change() -> None:
    then = matrix({"A": "10.0.0.0/8"}, ("A", "A", State.LET_THROUGH))
    assert compare([matrix({"A": "10.0.0.0/8"}, ("A", "A", State.UNANSWERED))], [then]) == ((), (), ())


def test_of_addresses_and_services_that_one_side_did_not_ask_nothing_is_said() -> None:
    wider = matrix({"A": "10.0.0.0/8 172.16.0.0/12", "B": "192.0.2.0/24"}, ("A", "B", State.REACHES))
    assert compare([wider], [THEN]) == ((), (), ())
    _, _, untold = compare([matrix({"A": "10.0.0.0/8"}, service="tcp/80")], [THEN])
    assert untold == ("tcp/80 IPv4 was not asked before", "tcp/22 IPv4 was asked before, and is not now")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"topology": "other"}, "about topology 'other', not 'branch'"), ({"interrupted": True}, "not finished"),
        ({"groups": [{"name": "A", "addresses": ["10.0.0.0/99"]}]}, "10.0.0.0/99"), ({"groups": [{"name": 1}]}, "groups"),
        ({"version": 2}, "version 2"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_earlier_report_is_refused(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    def saved(*, groups: Sequence[object] = ({"name": "A", "addresses": ["10.0.0.0/8"]},), **changes: object) -> Path:
        matrix = {"services": ["tcp/22"], "family": 4, "groups": groups, "ways": [{"from": "A", "to": "A", "state": "reaches"}]}
        file = tmp_path / "then.json"
        file.write_text(json.dumps({"version": 1, "topology": "branch", "matrices": [matrix], **changes}))
        return file

    (then,) = read_saved(saved(), "branch")
    assert compare([matrix({"X": "10.0.0.0/8"}, ("X", "X", State.REACHES))], [then]) == ((), (), ())
    with pytest.raises(InputError, match=re.escape(why)):
        read_saved(saved(**changes), "branch")


def test_services_are_ports_of_tcp_and_udp() -> None:
    assert services_of(["tcp/22,80", "udp/53", "tcp/22"], TOPOLOGY) == {"tcp": (22, 80), "udp": (53,)}
    for wrong, why in (("icmp/echo-request", "only ports of tcp and udp"), ("tcp/1-65535", "more than 64 services")):
        with pytest.raises(InputError, match=why):
            services_of([wrong], TOPOLOGY)
