from __future__ import annotations

from typing import Any

import pytest

from lab.errors import Problem
from lab.record.audit import AuditReport, Evidence
from lab.report.audit import MOST_ENTRIES, audit_lines, audit_markdown
from lab.report.write import _HEADS
from tests.unit.report.auditing import DAY, LATER, LOGGED, exposure, many, report
from tests.unit.report.differing import HOSTILE
from tests.unit.report.rendered import rendered

PAGE = """\
edge, as of 2026-06-01, asked from wan; 8 questions of 65,535 ports

1. Which services are reachable from outside: 2 services, by 2 rules
   tcp/80  wan world 192.0.2.7 -> wan web-vip 198.51.100.1  yes -> web 10.0.2.10 port 8443  by gateway filter:from-wan:2 (publish-web)
   tcp/443  wan world 192.0.2.7 -> wan web-vip 198.51.100.1  yes -> web 10.0.2.10 port 8443  by gateway filter:from-wan:1 (publish-web)

2. Which rule enforces each, and who owns it: 1 of 2 rules has no owner
   gateway filter:from-wan:1 (publish-web) [policies/edge.rules.j2:52]  nobody is named
       -A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT
   gateway filter:from-wan:2 (publish-web) [policies/edge.rules.j2:52]  owner net-sec, ticket CHG-1
       -A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT

3. Which exceptions are overdue: 1 of 2
   web-edge: public web  [matrices/web.yaml:14]: to be reviewed by 2026-01-31, owner net-sec, ticket CHG-7

4. Which denied probes are logged: 1 of 2 that were sent, as traced by the kernel
   NOT LOGGED; dropped by gateway filter:FORWARD policy  [policies/edge.rules.j2:9]  of wan world 192.0.2.7 -> dmz web-vip 198.51.100.1
     udp/1
   logged as 'fw ' by gateway filter:FORWARD:6  [new.rules:21]; dropped by gateway filter:FORWARD policy  [policies/edge.rules.j2:9]  of wan
     world 192.0.2.7 -> wan web-vip 198.51.100.1 tcp/1

5. What the last rehearsal of the rollback was: none was given (--evidence FILE)"""  # noqa: E501


def answers(of: AuditReport) -> list[str]:
    return [line[3:].partition(": ")[2] for line in audit_lines(of) if line[:1].isdigit()]


def test_the_page() -> None:
    assert "\n".join(audit_lines(report(), 140)) == PAGE


@pytest.mark.parametrize(
    ("changes", "number", "answer"),
    [
        ({"exposure": exposure()}, 1, "none, of 8 questions of 65,535 ports"),
        ({"exposure": exposure()}, 2, "there is none"),
        ({"exposure": None, "problems": (Problem("x"),)}, 1, "that is not known to its end"),
        ({"interrupted": True}, 1, "that is not known to its end"),
        ({"exemptions": (), "interrupted": True}, 3, "that is not known to its end"),
        ({"exemptions": ()}, 3, "no row and no rule says that it is one"),
        ({"exemptions": (LATER,)}, 3, "none of 1; the next is due on 2027-01-31: gateway filter:from-wan:1 (publish-web)"),
        ({"denied": ()}, 4, "that is not known"),
        ({"denied": (), "not_denied": ("x",)}, 4, "no flow was denied"),
        ({"denied": (LOGGED,)}, 4, "1 of 1 that were sent, as traced by the kernel"),
        ({"evidence": Evidence("run.json", 7, 7, 0, finished=True)}, 5, "none is in the evidence"),
    ],
)
def test_an_answer_is_no_more_than_is_known(changes: dict[str, Any], number: int, answer: str) -> None:
    assert answers(report(**changes))[number - 1] == answer


def test_evidence_is_told_as_what_it_is() -> None:
    given = Evidence("run.json", 7, 6, 1, finished=False, matrices=("web-edge",), kernel="6.18.0")
    told = "   run.json is a run of web-edge on kernel 6.18.0, which did not finish: 6 of 7 cells passed"
    assert told in list(audit_lines(report(evidence=given)))


def test_flows_that_fared_alike_are_told_together() -> None:
    lines = list(audit_lines(report(denied=(LOGGED,) * 9)))
    (line,) = (line for line in lines if "logged as 'fw '" in line)
    assert line.endswith("tcp/1 and 5 more")


@pytest.mark.parametrize("text", ["x", HOSTILE])
def test_many_of_all_are_a_page_still(text: str) -> None:
    lines = list(audit_lines(many(1_000, text), 100))
    assert len([line for line in lines if line.startswith("   and 988 more: --json")]) == 4
    assert len(lines) < 5 * (MOST_ENTRIES + 2) * (100 if text == HOSTILE else 4)
    assert all(line.isprintable() for line in lines)
    assert not any("##[" in line for line in lines)
    page = audit_markdown(many(1_000, text))
    assert page.encode().startswith(_HEADS)
    assert rendered(page).active() == []
    assert rendered(page).tags <= {"h2", "h3", "p", "ul", "li", "code", "br"}


def test_the_page_in_markdown() -> None:
    page = audit_markdown(report(problems=(Problem("no room", mend="make some"),), interrupted=True))
    assert page.startswith(f"## Audit: edge\n\nedge, as of {DAY},")
    assert "\n### 3. Which exceptions are overdue?\n\n1 of 2.\n\n- web-edge: public web" in page
    assert page.endswith("- interrupted: this is what was finished\n- problem: no room<br>`    make` some\n")
