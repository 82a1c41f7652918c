from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from lab.errors import Problem
from lab.record.difference import Aspect, Denied, DiffReport, FlowClass, Reached, RowOutcome, Side
from lab.record.path import Path, Rule
from lab.record.verdict import Kind
from lab.report.diff import MOST_LINES, diff_lines, print_diff
from lab.report.differences import number, service, size
from tests.unit.report import make
from tests.unit.report.differing import FLOW, HOSTILE, OF, closes, logs, many, opens, report

POLICY, PUBLISH = make.POLICY, make.PUBLISH
ALL, TEN = ("tcp/1-65535",), ("10.0.0.1-10.0.0.10",)
ALL_SENT = "all that the models of both sides tell apart was sent"
NAT = "destination becomes 10.0.2.10:8443 by nat:PREROUTING:2 (dnat-web)  [policies/edge.rules.j2:31]"
SCREEN = """\
3 classes of flows differ: 1 opens, 1 closes, 1 is logged otherwise
gateway of edge: old.rules -> new.rules
OPENS   was dropped by filter:FORWARD policy  [old.rules:9]
        now allowed by filter:from-wan:1 (publish-web)  [policies/edge.rules.j2:52]; owner net-sec, ticket CHG-1042
            -A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT
            192.0.2.0/24 by wan -> 10.0.2.10  tcp/8443  256 addresses x 1 port
CLOSES  was allowed by filter:from-wan:1 (publish-web)  [policies/edge.rules.j2:52]
            -A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT
        now dropped by filter:FORWARD:7 (no-mail)  [new.rules:22]; then also blocked by filter:FORWARD policy  [old.rules:9]
            -A FORWARD -p tcp -m tcp --dport 25 -j DROP
            192.0.2.0/24 by wan -> 10.0.2.10  tcp/8443  256 addresses x 1 port
LOG     was dropped by filter:FORWARD policy  [old.rules:9]; not logged
        now dropped by filter:FORWARD policy  [policies/edge.rules.j2:9]; logged as 'fw '
            192.0.2.0/24 by wan -> 10.0.2.10  tcp/8443  256 addresses x 1 port  rests on -m recent --rcheck
exhaustive but for: recent (6 rules), string (1): 5 flows of 3 classes were sent; 2.3 s
not sent, as the lab cannot: RELATED (2 classes)
note: no IPv6
a model proposed what the kernel denied: 1 flow, --full names them
DIFFER 3 classes (1 fail-open)"""


def told(of: DiffReport, width: int | None = 140, *, full: bool = False) -> list[str]:
    return list(diff_lines(of, width, full=full))


def test_the_screen() -> None:
    but = Reached(3, 5, but_for=("recent (6 rules)", "string (1)"), unsendable=("RELATED (2 classes)",))
    denied = (Denied(FLOW, "accept", "drop"),)
    of = report(logs(rests_on=("-m recent --rcheck",)), closes(), opens(), reached=but, denied=denied, notes=("no IPv6",))
    assert "\n".join(told(of)) == SCREEN.replace(" x ", " \u00d7 ")


@pytest.mark.parametrize("width", [40, 80, 140, 400, None])
@pytest.mark.parametrize("count", [0, 1, 7, 60, 10_000])
@pytest.mark.parametrize("text", ["", HOSTILE])
def test_it_is_a_screen_at_any_size(width: int | None, count: int, text: str) -> None:
    of = many(count, text)
    lines = told(of, width)
    assert len(lines) <= MOST_LINES
    assert width is None or max(map(len, lines[:-1])) <= width
    opening = sum(one.opens for one in of.differences)
    collateral = f"{count:,} {'class' if count == 1 else 'classes'} ({opening:,} fail-open)"
    assert lines[-1] == f"INTENDED 33 of 50 · POLICY 33 of 50 · COLLATERAL {collateral}"
    assert all(line.isprintable() for line in lines)
    assert not any("##[" in line or line.lstrip().startswith("::error::") for line in lines)


def test_what_is_left_out_is_counted() -> None:
    of = report(
        *(opens(new=Side(make.allowed(), rule(PUBLISH, n)), old=Side(make.dropped(), rule(POLICY, n))) for n in range(99)),
        *(closes(old=Side(make.allowed(), rule(PUBLISH, n)), new=Side(make.dropped(), rule(POLICY, n))) for n in range(99)),
    )
    lines = told(of)
    shown = sum(" -> 10.0.2.10 " in line for line in lines)
    assert shown > 4
    assert f"and {198 - shown:,} more classes, {99 - shown:,} of them open: --full names them" in lines


def test_of_many_rules_those_that_fare_alike_now_or_fared_alike_before_are_told_as_one() -> None:
    old = [opens(old=Side(make.dropped(), rule(POLICY, n))) for n in range(40)]
    new = [closes(new=Side(make.dropped(), rule(POLICY, n))) for n in range(40)]
    lines = told(report(*old, *new), None)
    assert not any("--full" in line for line in lines)
    assert "        now dropped by filter:FORWARD:0  [policies/edge.rules.j2:9]; or by 39 other rules" in lines
    assert "OPENS   was dropped by filter:FORWARD:0  [policies/edge.rules.j2:9]; or by 39 other rules" in lines
    assert sum("and 37 more classes" in line for line in lines) == 2
    few = told(report(*old[:3]), None)
    assert not any("other rules" in line for line in few)


@pytest.mark.parametrize(
    ("kind", "dropped", "words"),
    [
        (Kind.ALLOWED, False, "allowed by"),
        (Kind.DROPPED, False, "dropped by"),
        (Kind.CLOSED, False, "let through to where nothing listens, passed by"),
        (Kind.UNANSWERED, False, "unanswered, passed by"),
        (Kind.UNANSWERED, True, "unanswered, as its answer was dropped by"),
    ],
)
def test_a_rule_is_to_blame_for_what_it_did(kind: Kind, dropped: bool, words: str) -> None:
    verdict = replace(make.dropped() if dropped else make.allowed(), kind=kind)
    side = Side(verdict, POLICY if dropped else PUBLISH)
    lines = told(report(opens(new=side)), None)
    assert any(line.startswith(f"        now {words} filter:") for line in lines)


def rule(of: Rule, number: int) -> Rule:
    return replace(of, number=number)


def test_what_opens_comes_first_then_what_closes_then_the_largest() -> None:
    small = opens(of=FlowClass(("192.0.2.1",), ("10.0.2.10",), ("tcp/8443",), 1))
    lines = told(report(logs(), closes(), small, opens()))
    marks = [line.split()[0] for line in lines if line[:1] not in (" ", "")]
    assert marks[2:5] == ["OPENS", "CLOSES", "LOG"]
    rows = [line.split()[0] for line in lines if " -> 10.0.2.10 " in line]
    assert rows[:2] == ["192.0.2.0/24", "192.0.2.1"]


def test_what_is_not_asked_for_comes_before_what_is() -> None:
    rows = (RowOutcome("web from wan", passed=True), RowOutcome("mail", passed=False, what="is dropped by filter:FORWARD:7"))
    of = report(opens(intended="web from wan"), closes(), change="c.yaml", intended=rows, breadth=0.5)
    lines = told(of)
    assert lines[0] == "2 classes of flows differ: 1 opens, 1 closes (1 as intended)"
    assert [line.split()[0] for line in lines if line[:1] not in (" ", "")][2:4] == ["CLOSES", "OPENS"]
    assert any(line.endswith("256 addresses \u00d7 1 port  as intended by web from wan") for line in lines)
    assert "not as intended: mail: is dropped by filter:FORWARD:7" in lines
    assert any(line.startswith("breadth 0.5: ") for line in lines)
    assert lines[-1] == "INTENDED 1 of 2 · POLICY 0 of 0 · COLLATERAL 1 class (0 fail-open)"


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "the models of both sides have no flow that could fare otherwise"),
        ({"reached": Reached(3, 4)}, f"{ALL_SENT}, and 4 flows fared alike on both sides"),
        ({"reached": Reached(3, 1, sampled=True)}, "1 flow fared alike on both sides, and these are a sample"),
        ({"reached": Reached(3, 4), "lost": ("x",)}, f"{ALL_SENT}, and of 4 flows 1 is not proven, the others fared alike"),
    ],
)
def test_where_nothing_differs_it_is_told_how_sure_that_is(changes: dict[str, Any], first: str) -> None:
    lines = told(report(**changes), None)
    assert lines[:2] == [f"nothing differs: {first}", "gateway of edge: old.rules -> new.rules"]


@pytest.mark.parametrize("changes", [{"problems": (Problem("no room"),)}, {"interrupted": True}])
def test_what_came_to_no_end_does_not_say_that_nothing_differs(changes: dict[str, Any]) -> None:
    assert told(report(**changes))[0] == "nothing is known of what differs: it came to no end"


def test_what_is_to_be_known_beside_gives_way_to_the_differences() -> None:
    notes = tuple(f"guessed: net {number} is behind eth{number}, {'as of a long rule ' * 9}" for number in range(6))
    roomy = told(report(opens(), notes=notes))
    assert sum(line.startswith("note: guessed") for line in roomy) == 3
    tight = told(report(opens(), closes(), logs(), opens(aspect=Aspect.REFUSAL, opens=False), notes=notes))
    assert [line for line in tight if line.startswith("note: ")][1:] == ["note: 5 more, --full names them"]
    assert sum(line.startswith("        now ") for line in tight) == 4


def test_all_of_it() -> None:
    of = many(300)
    lines = told(of, full=True)
    assert sum(" -> 10.0.2.10 " in line for line in lines) == 300
    assert sum("shown by world 192.0.2.7 > 198.51.100.1 tcp/443" in line for line in lines) == 300
    assert sum(line.startswith("a model proposed what the kernel denied: ") for line in lines) == 40
    assert sum(line.startswith("not proven: ") for line in lines) == 40
    assert not any("--full" in line for line in lines)


def test_of_many_prefixes_the_first_are_told_and_in_full_all() -> None:
    sources = tuple(f"10.{number}.0.0/16" for number in range(9))
    of = report(opens(of=FlowClass(sources, ("0.0.0.0/0",), ("tcp/22", "tcp/80-90", "udp/1"), 10**9, whole=False)))
    row = "10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16 and 6 more -> any  tcp/22,80-90, udp/1  1.0 billion flows of these"
    assert any(line.strip() == row for line in told(of))
    assert any("10.8.0.0/16 -> any" in line for line in told(of, None, full=True))


def test_all_ports_are_told_as_all() -> None:
    services = ("tcp/1-65535", "udp/0-65535", "icmp/0-255", "sctp/1-65534")
    assert service(opens(of=FlowClass((), (), services)), None) == "all tcp, all udp, icmp/0-255, sctp/1-65534"


def test_any_address_is_one_of_a_family() -> None:
    of = report(
        opens(of=FlowClass(("::/0",), ("2001:db8::1",), ("tcp/22",))), opens(of=FlowClass(("0.0.0.0/0",), (), ("tcp/22",)))
    )
    rows = [line.strip() for line in told(of) if " -> " in line][1:]
    assert rows == ["any IPv6 -> 2001:db8::1  tcp/22", "any -> any  tcp/22"]


def of_path(**changes: object) -> Side:
    seen = make.allowed().observation
    path: Path = replace(seen.request[0], **changes)  # type: ignore[arg-type]
    return Side(replace(make.allowed(), observation=replace(seen, request=(path,))), make.PUBLISH)


@pytest.mark.parametrize(
    ("aspect", "mark", "side", "detail"),
    [
        (Aspect.TRANSLATION, "NAT", of_path(), NAT),
        (Aspect.TRANSLATION, "NAT", of_path(exit=make.SYN), "not translated"),
        (Aspect.WAY, "WAY", of_path(out="wan2", mark=0x1F), "out by wan2, mark 0x1f"),
        (Aspect.WAY, "WAY", of_path(toward="wan2"), "toward wan2, mark 0x0"),
        (Aspect.REFUSAL, "REFUSAL", Side(replace(make.dropped(), reject="tcp-reset"), make.POLICY), ""),
        (Aspect.RULE, "RULE", of_path(), ""),
    ],
)  # fmt: skip
def test_what_differs_is_told_beside_the_rule(aspect: Aspect, mark: str, side: Side, detail: str) -> None:
    lines = told(report(opens(aspect=aspect, opens=False, new=side)), None)
    now = next(line for line in lines if line.startswith("        now "))
    assert (lines[2].split()[0], now.partition("; ")[2]) == (mark, detail)


def test_what_ended_it_is_told() -> None:
    lines = told(report(opens(), problems=(Problem("no room"),), interrupted=True, exit_code=130))
    assert "interrupted: this is what was finished" in lines
    assert "problem: no room" in lines


def test_colours_are_of_what_is_grave() -> None:
    out = io.StringIO()
    print_diff(report(opens(), logs()), Console(file=out, width=140, force_terminal=True, color_system="standard"))
    assert "\x1b[1;31mOPENS\x1b[0m   was dropped" in out.getvalue()
    plain = io.StringIO()
    print_diff(report(opens(), logs()), Console(file=plain, width=140))
    assert plain.getvalue().splitlines() == told(report(opens(), logs()))


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (
            replace(OF, sources=("0.0.0.0/0",), services=("tcp/1-65535",), size=2**32 * 65_535),
            "4.3 billion addresses x 65,535 ports",
        ),
        (
            replace(OF, sources=("10.0.0.1-10.0.0.10",), destinations=("10.1.0.0/24",), size=2_560),
            "10 x 256 addresses x 1 port",
        ),
        (replace(OF, services=("icmp/echo-request",)), "256 addresses x 1 type"),
        (replace(OF, services=("proto/47", "tcp/1"), size=512), "256 addresses x 2 services"),
        (replace(OF, size=None), ""),
        (replace(OF, size=77), "77 flows"),
        (replace(OF, size=1, whole=False), "1 flow of these"),
        (replace(OF, whole=False), "256 flows of these"),
        (replace(OF, sources=("what",), size=9), "9 flows"),
        (replace(OF, services=("tcp/http",), size=9), "9 flows"),
        (replace(OF, sources=("2001:db8::/64",), destinations=("2001:db8:1::1",), size=2**64), "2^64 addresses x 1 port"),
    ],
)
def test_a_size_is_one_that_a_person_takes_in(of: FlowClass, text: str) -> None:
    assert size(of) == text.replace(" x ", " \u00d7 ")


def test_a_number_is_rounded_where_nobody_counts() -> None:
    assert [number(one) for one in (0, 999_999, 10**6, 2**40, 3 * 2**100)] == [
        "0", "999,999", "1.0 million", "2^40", "about 2^102"
    ]  # fmt: skip


def test_what_only_another_rule_decides_is_one_calm_line() -> None:
    old, new = make.PUBLISH, replace(make.PUBLISH, chain="renamed")
    sides = {"old": Side(make.allowed(), old), "new": Side(make.allowed(), new), "aspect": Aspect.RULE, "opens": False}
    of = [{"old": Side(make.allowed(), rule(old, n)), "new": Side(make.allowed(), rule(new, n))} for n in range(9)]
    renamed = [opens(**{**sides, **one}) for one in of]
    first, _, calm, *_ = told(report(*renamed), None)
    assert first == "no flow fares otherwise: 9 classes are decided by another rule alone"
    assert calm.startswith("RULE    9 classes fare as before: allowed by filter:from-wan:")
    assert calm.endswith(": --full names them")
    lines = told(report(opens(), *renamed), None)
    assert [line[:8] for line in lines if line[:1].isupper()] == ["OPENS   ", "RULE    ", "DIFFER 1"]
    assert lines[0] == "10 classes of flows differ: 1 opens, 9 are by another rule alone"
    assert sum(line.startswith("RULE") for line in told(report(*renamed), None, full=True)) == 9


def test_where_another_rule_leads_a_flow_is_told() -> None:
    (path,) = make.allowed().path
    dnat = next(one for one in path.translated_by if one.target == "DNAT")
    assert "destination" not in "".join(told(report(closes()), None))
    steps = tuple(
        step._replace(rule=replace(dnat, text=f"{dnat.text} --random")) if step.rule == dnat else step for step in path.steps
    )
    seen = replace(make.allowed().observation, request=(replace(path, steps=steps),))
    lines = told(report(opens(new=Side(replace(make.allowed(), observation=seen), PUBLISH))), None)
    (now,) = [line for line in lines if line.startswith("        now allowed")]
    assert "destination becomes 10.0.2.10:8443 by nat:" in now


def test_one_was_sent_and_two_were() -> None:
    assert "exhaustive: 1 flow of 1 class was sent" in told(report(opens(), reached=Reached(1, 1)))[-2]
    assert "exhaustive: 2 flows of 1 class were sent" in told(report(opens(), reached=Reached(1, 2)))[-2]
