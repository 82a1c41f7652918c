"""The mark map of rules: what stands together, and what does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from lab.record.marks import MarkMap, MarkReport, MarkRoute, MarkWay
from lab.record.routed import Routed
from lab.report.marks import mark_lines
from lab.ruleset.held import HeldChain
from lab.ruleset.held_text import rule_in_line
from lab.study.marks import mark_map, values_of_marks

SECOND = MarkRoute(4, "102: from all fwmark 0x2/0xff lookup wan2", 2, 0xFF)
CAME = "-i wan2 -m comment --comment came -j CONNMARK --set-xmark 0x2/0xff"
CHOSE = "-i guest -m comment --comment chose -j MARK --set-xmark 0x2/0xff"
RESTORE, SAVE = "-j CONNMARK --restore-mark", "-j CONNMARK --save-mark"


def chains(*rules: str) -> dict[tuple[str, str, str], HeldChain]:
    held = [rule_in_line("v4", f"-A PREROUTING {text}") for text in rules]
    chain = HeldChain("ip", "mangle", "PREROUTING", tuple(one for one in held if one is not None), "prerouting", "mangle")
    return {chain.key: chain}


def found(*rules: str, routes: Sequence[MarkRoute] = (SECOND,), sysctls: Mapping[str, str] = {}) -> MarkMap:
    return mark_map("gateway", chains(*rules), routes, sysctls=sysctls)


def test_all_of_one_value_stands_together() -> None:
    of = found(RESTORE, CAME, CHOSE, SAVE, "-m mark --mark 0x2/0xf -j ACCEPT", "-m mark --mark 0x0 -j ACCEPT")
    (mark,) = of.marks
    assert [one.rule.comment for one in mark.set_by] == ["came", "chose"]
    assert [one.mask for one in mark.asked_by] == [0xF]
    assert mark.routed_by == (SECOND,)
    assert [len(one) for one in (of.kept_by, of.given_by, of.cleared_by, of.asked_any_by)] == [1, 1, 0, 1]
    assert of.findings == ()


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([CHOSE, "-j MARK --set-xmark 0x10/0xff"], ["0x10 is set, and nothing asks for it"]),
        ([CHOSE, "-j MARK --set-xmark 0x100/0xff00"], ["0x100 is set, and nothing asks for it"]),
        ([], ["0x2 is asked for, and no rule sets it (a program can, by SO_MARK)"]),
        (["-m connmark --mark 0x5 -j DROP", CHOSE], ["0x5 is asked for, and no rule sets it (no flow has it)"]),
        ([CAME], ["0x2 is kept for flows alone, and no rule gives it to their packets", "flows keep a mark, and no rule asks"]),
        ([CAME, RESTORE], []),
        ([CHOSE, RESTORE], ["rules give packets the mark of their flow, and no rule keeps one for flows"]),
        ([CHOSE, SAVE], ["flows keep a mark, and no rule asks for it or gives it to packets: answers are routed without"]),
        (["-j MARK --set-xmark 0x3/0xff", "-m connmark --mark 0x3 -j DROP"],
         ["0x2 is asked for", "0x3 is set of packets alone, and no rule keeps it for their flows"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(rules: list[str], told: list[str]) -> None:
    findings = found(*rules).findings
    assert len(findings) == len(told), findings
    assert all(one.startswith(begun) for one, begun in zip(findings, told, strict=True)), findings


@pytest.mark.parametrize(("valid", "strict", "told"), [("0", "1", True), ("1", "1", False), ("0", "2", False)])
def test_the_reverse_path_filter_that_knows_no_mark(valid: str, strict: str, told: bool) -> None:
    sysctls = {"net.ipv4.conf.all.rp_filter": strict, "net.ipv4.conf.all.src_valid_mark": valid}
    assert any("src_valid_mark" in one for one in found(CAME, RESTORE, sysctls=sysctls).findings) is told


def test_the_marks_whose_way_is_asked() -> None:
    assert values_of_marks(chains(CHOSE, "-j MARK --set-xmark 0x9/0xff", "-j MARK --set-xmark 0x0/0xff"), [SECOND]) == (2, 9)


def test_the_lines() -> None:
    ways = [
        MarkWay("192.0.2.254", 2, Routed(2, 0, 102, "wan2", SECOND.rule, "default via 203.0.113.1 dev wan2")),
        MarkWay("192.0.2.254", 0, Routed(0, 0, refused="Network is unreachable")),
    ]
    many = [f"-s 10.0.0.{number} -j MARK --set-xmark 0x2/0xff" for number in range(8)]
    lines = [*mark_lines(MarkReport((mark_map("gateway", chains(*many), [SECOND], ways),)))]
    assert lines[:2] == [
        "gateway: 1 value",
        "  0x2         set       :PREROUTING:0 -s 10.0.0.0 -j MARK --set-xmark 0x2/0xff",
    ]
    assert lines[7:11] == [
        "                        and 2 rules more",
        "              asked     ip rule `102: from all fwmark 0x2/0xff lookup wan2`",
        "              goes      to 192.0.2.254: default via 203.0.113.1 dev wan2, of table wan2 by rule 102",
        "  0x0         without   to 192.0.2.254: refused (Network is unreachable)",
    ]


def test_nothing_at_all() -> None:
    assert [*mark_lines(MarkReport((found(routes=()),)))] == ["gateway: no marks", "", "no rule sets a mark or asks for one"]
