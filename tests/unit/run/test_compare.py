"""The same flows in two ways: what pairs up, and what of it differs."""

from __future__ import annotations

from dataclasses import replace

from lab.record.result import CellResult
from lab.record.verdict import Kind, Verdict
from lab.run.compare import MARKED, comparisons, of_backends, of_families
from tests.unit.report import make


def cell(cell_id: str, *, family: int = 4, kind: Kind = Kind.ALLOWED, **keys: object) -> CellResult:
    made = make.cell(id=cell_id, family=family)
    verdict = replace(made.verdict, kind=kind)
    return replace(made, verdict=verdict, **keys)  # type: ignore[arg-type]


def test_the_families_of_a_flow() -> None:
    found = of_families([cell("m::a[x->y tcp/1]"), cell("m::a[x->y tcp/1]/6", family=6, kind=Kind.DROPPED)])
    assert found is not None
    assert (found.left, found.right, found.flows) == ("IPv4", "IPv6", 1)
    (one,) = found.contrasts
    assert one.flow == "m::a[x->y tcp/1]"
    assert (one.left.split()[0], one.right.split()[0]) == ("allowed", "dropped")


def test_families_that_agree() -> None:
    found = of_families([cell("m::a[x->y tcp/1]"), cell("m::a[x->y tcp/1]/6", family=6)])
    assert found is not None
    assert (found.flows, found.contrasts) == (1, ())


def test_a_flow_of_one_family_is_beside_nothing() -> None:
    assert of_families([cell("a"), cell("b", row="other")]) is None


def test_backends_differ_in_verdict_rule_or_line() -> None:
    nft = cell("a")
    rule = nft.verdict.rule
    assert rule is not None
    other = replace(nft.verdict, rule=replace(rule, number=9))
    moved = replace(nft.verdict, rule=replace(rule, source="elsewhere:1"))
    kind = replace(nft.verdict, kind=Kind.DROPPED)
    for verdict in (other, moved, kind):
        found = of_backends([nft, replace(nft, id="a" + MARKED, verdict=verdict)])
        assert found is not None
        assert len(found.contrasts) == 1
    same = of_backends([nft, replace(nft, id="a" + MARKED, verdict=replace(nft.verdict, proof="another"))])
    assert same is not None
    assert same.contrasts == ()


def test_each_backend_has_families_of_its_own() -> None:
    names = {4: "a", 6: "a/6"}
    cells = [cell(name + mark, family=family) for mark in ("", MARKED) for family, name in names.items()]
    families, backends = comparisons(cells)
    assert (families.flows, backends.flows) == (2, 2)


def test_a_run_of_one_way_has_nothing_to_compare() -> None:
    assert comparisons([cell("a")]) == ()
    assert isinstance(cell("a").verdict, Verdict)
