from __future__ import annotations

from lab.record.hint import Hint
from lab.record.result import Outcome
from lab.report.annotations import annotation_lines
from tests.unit.report import make


def test_a_failure_stands_at_the_line_of_the_template() -> None:
    (line,) = annotation_lines(make.run([make.cell(), make.fail_closed()]))
    assert line == (
        "::error file=policies/edge.rules.j2,line=9,title=fail-closed%3A 1 flow::"
        "FAIL-CLOSED public web  [matrices/web-edge.yaml:14]%0A"
        "  world 192.0.2.7 -> web-vip 198.51.100.1 tcp/443: expected allow, is dropped%0A"
        "  by      gateway filter:FORWARD policy dropped it  [policies/edge.rules.j2:9]%0A"
        "  nat     destination changed by gateway nat:PREROUTING:2 (dnat-web)  [policies/edge.rules.j2:31]%0A"
        "  why     translated by nat:PREROUTING:2 (dnat-web), then dropped by filter:FORWARD policy"
    )


def test_without_a_rule_it_stands_at_the_row() -> None:
    (line,) = annotation_lines(make.run([make.cell(Outcome.ERROR, make.lost())], exit_code=3))
    assert line.startswith("::error file=matrices/web-edge.yaml,line=14,")


def test_flows_that_one_line_decided_share_an_annotation() -> None:
    cells = [make.fail_closed(service=f"tcp/{port}") for port in range(1, 16)]
    (line,) = annotation_lines(make.run(cells))
    assert "15 flows" in line
    assert line.endswith("%0A  and 14 more: world -> web-vip tcp/2-15")


def test_of_many_causes_at_one_line_the_first_are_told() -> None:
    (line,) = annotation_lines(make.run([make.fail_closed(row=f"row {number}") for number in range(15)]))
    assert line.count("FAIL-CLOSED") == 10
    assert line.endswith("%0Aand 5 more")


def test_the_open_ones_come_first() -> None:
    first, second = annotation_lines(make.run([make.fail_closed(), make.fail_open()]))
    assert "fail-open" in first
    assert "fail-closed" in second


def test_nothing_of_a_file_ends_the_command() -> None:
    evil = "100%\r\n::error::x"
    cell = make.fail_open(row=evil, hints=(Hint(evil, evil),))
    lines = annotation_lines(make.run([cell], problems=make.problems(evil), exit_code=3))
    assert len(lines) == 2
    assert not any("\n" in line or "\r" in line for line in lines)
    assert "100%25" in lines[0]
    assert lines[1] == r"::error title=netfilter-lab::100%25\r%0A:\x3aerror::x"


def test_colons_and_commas_of_a_file_name_are_escaped() -> None:
    cell = make.cell(Outcome.ERROR, make.lost(), where="matrices/a,b:c.yaml:7:3")
    (line,) = annotation_lines(make.run([cell]))
    assert line.startswith("::error file=matrices/a%2Cb%3Ac.yaml,line=7,")


def test_a_project_in_a_folder() -> None:
    (line,) = annotation_lines(make.run([make.fail_closed()]), prefix="firewall/")
    assert line.startswith("::error file=firewall/policies/edge.rules.j2,")


def test_a_note_is_a_notice() -> None:
    (line,) = annotation_lines(make.run([make.cell()], notes=("IPv6 is not judged",), exit_code=0))
    assert line.startswith("::notice ")
