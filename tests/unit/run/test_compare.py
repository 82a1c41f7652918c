"""The same flows in two ways: what pairs up, and what of it differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.result import CellResult, Comparison, PortGroup
from lab.record.verdict import Kind
from lab.record.way import Way
from lab.run.compare import BACKEND, FAMILY, POLICY, Axis, compare, comparisons
from tests.unit.report import make

NFT, LEGACY = Way("nft"), Way("legacy")
OLD, NEW = Way(policies=(("gateway", "edge"),)), Way(policies=(("gateway", "edge-2"),))


def cell(cell_id: str = "a", *, kind: Kind = Kind.ALLOWED, **keys: object) -> CellResult:
    made = make.cell(id=cell_id)
    verdict = replace(made.verdict, kind=kind)
    return replace(made, verdict=verdict, **keys)  # type: ignore[arg-type]


def only(axis: Axis, *cells: CellResult) -> Comparison:
    (found,) = compare(cells, axis)
    return found


def test_the_families_of_a_flow() -> None:
    found = only(FAMILY, cell("m::a[x->y tcp/1]"), cell("m::a[x->y tcp/1]/6", family=6, kind=Kind.DROPPED))
    assert (found.left, found.right, found.flows, found.must_agree) == ("IPv4", "IPv6", 1, False)
    (one,) = found.contrasts
    assert one.flow == "m::a[x->y tcp/1]"
    assert (one.left.split()[0], one.right.split()[0]) == ("allowed", "dropped")


def test_families_that_agree() -> None:
    found = only(FAMILY, cell("m::a[x->y tcp/1]"), cell("m::a[x->y tcp/1]/6", family=6))
    assert (found.flows, found.contrasts) == (1, ())


def test_a_flow_of_one_family_is_beside_nothing() -> None:
    assert list(compare([cell("a"), cell("b", row="other")], FAMILY)) == []
    assert list(compare([cell("a"), cell("b", row="other", family=6)], FAMILY)) == []


def test_backends_differ_in_verdict_rule_or_line() -> None:
    nft = cell()
    rule = nft.verdict.rule
    assert rule is not None
    other = replace(nft.verdict, rule=replace(rule, number=9))
    moved = replace(nft.verdict, rule=replace(rule, source="elsewhere:1"))
    kind = replace(nft.verdict, kind=Kind.DROPPED)
    for verdict in (other, moved, kind):
        found = only(BACKEND, nft, replace(nft, way=LEGACY, verdict=verdict))
        assert (found.left, found.right, found.must_agree) == ("nft", "legacy", True)
        assert len(found.contrasts) == 1
    same = only(BACKEND, nft, replace(nft, way=LEGACY, verdict=replace(nft.verdict, proof="another")))
    assert same.contrasts == ()


def test_what_an_id_ends_in_says_nothing() -> None:
    assert comparisons([cell("a"), cell("a@legacy", row="another row")]) == ()
    assert comparisons([cell("a@legacy")]) == ()


def test_each_backend_has_families_of_its_own() -> None:
    cells = [cell(family=family, way=way) for way in (NFT, LEGACY) for family in (4, 6)]
    assert [(one.left, one.right, one.flows) for one in comparisons(cells)] == [("IPv4", "IPv6", 2), ("nft", "legacy", 2)]


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        (OLD, NEW, "edge", "edge-2"),
        (replace(OLD, revision="a1"), replace(OLD, revision="b2"), "edge (a1)", "edge (b2)"),
        (OLD, replace(NEW, revision="b2"), "edge", "edge-2 (b2)"),
        (replace(OLD, policies=(*OLD.policies, ("core", "in"))), OLD, "gateway=edge, core=in", "edge"),
    ],
)
def test_one_policy_beside_another(old: Way, new: Way, left: str, right: str) -> None:
    cells = [cell(way=old), cell("b", row="b", way=old), cell(way=new), cell("b", row="b", way=new, kind=Kind.DROPPED)]
    (found,) = comparisons(cells)
    assert (found.left, found.right, found.flows, found.must_agree) == (left, right, 2, False)
    assert [one.flow for one in found.contrasts] == ["b"]


def test_policies_differ_in_what_becomes_of_a_packet_not_in_the_rule_that_says_so() -> None:
    old = cell(way=OLD)
    rule = old.verdict.rule
    assert rule is not None
    other_rule = replace(old, way=NEW, verdict=replace(old.verdict, rule=replace(rule, number=9)))
    assert only(POLICY, old, other_rule).contrasts == ()
    refused = replace(old, way=NEW, verdict=replace(old.verdict, reject="tcp-reset"))
    ports = replace(old, way=NEW, groups=(PortGroup("1-2", 2, old.verdict),))
    assert [len(only(POLICY, old, one).contrasts) for one in (refused, ports)] == [1, 1]


def test_a_flow_is_compared_with_itself_alone() -> None:
    cells = [cell(way=OLD, family=4), cell(way=NEW, family=6), cell(way=replace(NEW, backend="legacy"))]
    assert comparisons(cells) == ()


def test_the_first_of_several_ways_is_beside_each_other() -> None:
    third = replace(OLD, revision="3")
    found = comparisons([cell(way=OLD), cell(way=NEW), cell(way=third)])
    assert [(one.left, one.right) for one in found] == [("edge", "edge-2"), ("edge", "edge (3)")]


def test_two_matrices_of_one_name_are_compared_each_with_itself() -> None:
    cells = [cell(way=way, kind=kind) for kind in (Kind.ALLOWED, Kind.DROPPED) for way in (NFT, LEGACY)]
    (found,) = comparisons(cells)
    assert (found.flows, found.contrasts) == (2, ())


def test_a_run_of_one_way_has_nothing_to_compare() -> None:
    assert comparisons([cell("a")]) == ()
    assert comparisons([]) == ()
