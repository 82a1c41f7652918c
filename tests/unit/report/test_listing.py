from __future__ import annotations

from lab.record.result import CellResult, Outcome
from lab.report.listing import listing
from tests.unit.report import make


def shown(*cells: CellResult, width: int = 200, most: int = 99) -> list[str]:
    return [line.text for line in listing(cells, width, most)]


def test_flows_stand_under_their_rows_and_rows_under_their_matrix() -> None:
    cells = [make.cell(), make.cell(service="tcp/444"), make.fail_closed(row="inside", expected="drop", where="m.yaml:9")]
    assert shown(*cells) == [
        "web-edge",
        "  public web: allow  [matrices/web-edge.yaml:14]",
        "    passed       world -> web-vip  tcp/443-444  allowed by gateway filter:from-wan:1 (publish-web)",
        "  inside: drop  [m.yaml:9]",
        "    fail-closed  world -> web-vip  tcp/443      dropped by gateway filter:FORWARD policy",
    ]


def test_what_became_of_a_flow_stands_below_where_columns_are_too_wide() -> None:
    assert shown(make.cell(), width=60) == [
        "web-edge",
        "  public web: allow  [matrices/web-edge.yaml:14]",
        "    passed  world -> web-vip  tcp/443",
        "        allowed by gateway filter:from-wan:1 (publish-web)",
    ]


def test_a_mismatch_says_in_what_it_differs() -> None:
    cell = make.cell(Outcome.MISMATCH, differences=("must arrive at mail",))
    assert shown(cell)[-1].endswith("allowed by gateway filter:from-wan:1 (publish-web); must arrive at mail")


def test_of_many_flows_the_first_are_listed() -> None:
    cells = [make.cell(sender=f"s{number}") for number in range(9)]
    told = shown(*cells, most=4)
    assert len(told) == 7
    assert told[-1] == "5 more flows are in --json"


def test_no_line_begins_with_a_command_of_a_ci() -> None:
    for width in range(20, 60):
        cells = [make.cell(row=f"{'r' * 20} ::error::x", sender=f"{'s' * 20} ::error::x", service="x ::error::y")]
        assert not [line for line in shown(*cells, width=width) if line.strip().startswith("::")]
