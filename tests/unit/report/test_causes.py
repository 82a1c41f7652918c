from __future__ import annotations

from dataclasses import replace

from lab.record.hint import Hint
from lab.report.causes import by_cause, flows_text
from tests.unit.report import make


def sizes(*cells: object) -> list[int]:
    return [len(group) for group in by_cause(cells)]  # type: ignore[arg-type]


def test_cells_of_a_row_by_one_rule_are_one_cause() -> None:
    assert sizes(*(make.fail_closed(service=f"tcp/{port}") for port in (22, 25)), make.fail_closed(sender="office")) == [3]


def test_what_differs_in_its_cause_is_told_apart() -> None:
    other_rule = replace(make.dropped(), rule=replace(make.POLICY, number=4))
    rejected = replace(make.dropped(), reject="tcp-reset")
    cells = [
        make.fail_closed(), make.fail_closed(row="another"), make.fail_closed(where="matrices/web-edge.yaml:99"),
        make.fail_closed(hints=(Hint("another reason"),)), make.fail_closed(verdict=other_rule), make.fail_open(),
        make.fail_closed(verdict=rejected), make.fail_closed(matrix="mail"), make.fail_closed(expected="allow logged 'x'"),
    ]  # fmt: skip
    assert sizes(*cells) == [1] * len(cells)


def test_their_order_is_kept() -> None:
    groups = by_cause([make.fail_open(row="a"), make.fail_closed(row="b"), make.fail_open(row="a", service="tcp/1")])
    assert [[cell.row for cell in group] for group in groups] == [["a", "a"], ["b"]]


def test_ports_are_ranges() -> None:
    cells = [make.cell(service=service) for service in ("tcp/81", "tcp/80", "udp/53", "tcp/90-99,443", "icmp/echo-request")]
    assert flows_text(cells) == "world -> web-vip tcp/80-81,90-99,443, udp/53, icmp/echo-request"


def test_senders_and_targets_of_the_same_services_are_told_together() -> None:
    pairs = [("lab", "web"), ("office", "web"), ("lab", "mail"), ("office", "mail"), ("pc", "web")]
    cells = [make.cell(sender=sender, target=target, service=f"tcp/{port}") for sender, target in pairs for port in (22, 23)]
    assert flows_text(cells) == "lab, office, pc -> web tcp/22-23; lab, office -> mail tcp/22-23"


def test_families_are_told_apart() -> None:
    assert flows_text([make.cell(), make.cell(family=6)]) == "world -> web-vip tcp/443; world -> web-vip tcp/443 (IPv6)"


def test_of_many_flows_the_first_are_told() -> None:
    cells = [make.cell(sender=f"s{number}", service=f"tcp/{number}") for number in range(1, 10)]
    assert flows_text(cells).endswith("; s6 -> web-vip tcp/6; and 3 more")
    many = [make.cell(sender=f"s{number}") for number in range(1, 10)]
    assert flows_text(many) == "s1, s2, s3, s4, s5, s6 and 3 more -> web-vip tcp/443"
