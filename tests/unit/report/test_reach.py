"""Service matrices on a screen, and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from lab.record.path import Rule
from lab.record.service_matrix import By, Group, Reached, ServiceMatrix, ServiceMatrixReport, State, Way
from lab.report.reach import reach_lines
from lab.report.reach_svg import reach_svg

RULE = Rule("fw", "filter", "FORWARD", 3, "-A FORWARD -j ACCEPT", source="fw.rules:9")
OTHER = replace(RULE, number=5, source="fw.rules:11")
MATRIX = ServiceMatrix(
    ("tcp/22",), 4,
    (
        Group("A", ("1.0.0.0-9.255.255.255", "11.0.0.0/8"), 167_772_160, ("line",), 2),
        Group("B", ("10.4.0.0/25",), 128, ("desk", "lab", "hall"), 3),
        Group("C", ("10.4.0.200",), 1, ("desk",), 1, sends=False),
        Group("D", ("192.0.2.1",), 1, ("fw",), 1, own="fw"),
    ),
    (
        Way("B", "A", State.REACHES, (By(RULE, 6), By(OTHER, 2))),
        Way("B", "C", State.REACHES, (By(RULE, 3), By(OTHER, 1)), within=True),
        Way("A", "B", State.UNANSWERED, (By(OTHER, 3, ("10.4.0.9",)),), only_from=("line",)),
        Way("D", "A", State.LET_THROUGH, (By(None, 2),)),
    ),
    (6, 7), 42,
)  # fmt: skip
SUMMARY = (
    "branch: 42 packets, from 6 classes to 7 (of rules that may be about the service; --every-class: of all), 1.2 s"
)
REPORT = ServiceMatrixReport("branch", (MATRIX,), 1.25)


def many(groups: int) -> ServiceMatrixReport:
    named = [f"G{number}" for number in range(groups)]
    made = tuple(Group(name, (f"10.{number}.0.0/16",), 65_536 - number, ("desk",), 1) for number, name in enumerate(named))
    ways = tuple(
        Way(one, other, State.REACHES, (By(replace(RULE, number=number), 1),))
        for number, one in enumerate(named) for other in named
    )  # fmt: skip
    return ServiceMatrixReport("branch", (ServiceMatrix(("tcp/22",), 4, made, ways, (groups, groups), groups**2),))


def test_groups_then_who_reaches_whom_and_the_numbers() -> None:
    assert list(reach_lines(REPORT, 140)) == [
        "branch, tcp/22: 3 groups of addresses, 3 ways between them; fw itself: 0 to it, 1 from it",
        "  A  167,772,160  line                  1.0.0.0-9.255.255.255, 11.0.0.0/8",
        "  B  128          desk, lab and 1 more  10.4.0.0/25",
        "  C  1            desk                  10.4.0.200  (nobody sends from there)",
        "  D  1            fw itself             192.0.2.1",
        "  B -> A, C*  fw filter:FORWARD:3 [fw.rules:9] and 1 more rule",
        "  A -> B      fw filter:FORWARD:5 [fw.rules:11] to 10.4.0.9, and no answer comes back, only from line",
        "  D -> A      no rule decides, and nobody is there to answer",
        "  * within one network: what a packet comes to that is sent to the firewall; hosts there need none",
        SUMMARY,
    ]


def test_a_screen_has_25_lines_however_many_groups_there_are() -> None:
    changes = tuple(Reached("tcp/22", 4, (f"10.{number}.0.0/16",), ("10.0.0.0/8",), State.REACHES, State.DENIED, RULE)
                    for number in range(9))  # fmt: skip
    report = replace(many(40), lost=("a: why",) * 9)
    lines = list(reach_lines(report, 140))
    assert len(lines) <= 25
    assert "  and 31 smaller groups: --full has them" in lines
    assert "  and 7 more not proven: --full has them" in lines
    full = list(reach_lines(replace(report, added=changes, gone=()), 140, full=True))
    assert len([line for line in full if line.startswith("  G")]) == 40 + 40
    assert len([line for line in full if line.startswith("NEW: tcp/22: ")]) == 9
    assert full[-1].endswith("9 new, 0 gone")


def test_what_is_new_is_told_with_its_rule() -> None:
    new = Reached("tcp/22", 4, ("10.4.0.0/25",), ("192.0.2.7",), State.REACHES, State.DENIED, RULE)
    gone = replace(new, state=State.DENIED, before=State.REACHES)
    lines = list(reach_lines(replace(REPORT, added=(new,), gone=(gone,)), 140))
    assert "NEW: tcp/22: 10.4.0.0/25 -> 192.0.2.7 reaches, was denied: fw filter:FORWARD:3 [fw.rules:9]" in lines
    assert "gone: tcp/22: 10.4.0.0/25 -> 192.0.2.7 is denied, was reaches" in lines


def test_a_picture_is_a_document_of_its_own_and_has_a_cell_for_each_way() -> None:
    drawn = ElementTree.fromstring(reach_svg(replace(REPORT, topology="<b>&")))
    said = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert len(said) == len(MATRIX.ways)
    assert "B > A: reaches, fw filter:FORWARD:3 [fw.rules:9] and 1 more rule" in said
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 1
    assert ElementTree.fromstring(reach_svg(many(60))) is not None
