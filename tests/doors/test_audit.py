"""``lab audit``: with matrices and without, what it ends with, and what nobody can be asked from."""

from __future__ import annotations

import json

import jsonschema
import pytest

from lab.report.wire.schema import audit_schema
from tests.doors.project import Project

pytestmark = pytest.mark.kernel

POLICY, MATRIX, TOPOLOGY = "policies/small-gateway.rules.j2", "matrices/small.yaml", "topologies/small.yaml"
DUE = '    exception: {owner: net-sec, ticket: CHG-7, review: "2020-01-31"}\n'
ONCE = "-m limit --limit 1/hour --limit-burst 1"  # each denied flow is asked as if nothing had been logged before
LOGS = f'-A INPUT {ONCE} -m comment --comment "owner=ops review=2099-01-31" -j LOG --log-prefix "in "\nCOMMIT\n'


def audited(project: Project) -> None:
    """A project with a log, a rule and a row that are to be looked at again."""
    text = project.read(POLICY)
    project.write(POLICY, text.removesuffix("COMMIT\n") + LOGS)
    project.edit(MATRIX, "    rule: publish-web\n", f"    rule: publish-web\n{DUE}")


def test_an_auditor_is_answered(project: Project) -> None:
    audited(project)
    project.lab("run", "--json", "run.json").ended(0)
    done = project.lab("audit", "--json", "a.json", "--markdown", "a.md", "--evidence", "run.json").ended(1)
    answers = [line for line in done.out.splitlines() if line[:1].isdigit()]
    assert answers == [
        "1. Which services are reachable from outside: 1 service, by 1 rule",
        "2. Which rule enforces each, and who owns it: each has an owner",
        "3. Which exceptions are overdue: 1 of 2",
        "4. Which denied probes are logged: 4 of 6 that were sent, as traced by the kernel",
        "5. What the last rehearsal of the rollback was: none is in the evidence",
    ]
    assert f"   small: public web  [{MATRIX}:7:5]: to be reviewed by 2020-01-31, owner net-sec, ticket CHG-7" in done.out
    assert "run.json is a run of small on kernel " in done.out
    said = json.loads(project.read("a.json"))
    jsonschema.validate(said, audit_schema())
    assert said["outside"] == ["wan"]
    assert [(one["to"], one["service"], [log["prefix"] for log in one["logged"]]) for one in said["denied"]] == [
        ("web-vip", "tcp/1", ["in "]), ("web-vip", "udp/1", ["in "]), ("gateway@dmz", "tcp/1", ["in "]),
        ("gateway@dmz", "udp/1", ["in "]), ("web", "tcp/1", []), ("web", "udp/1", []),
    ]  # fmt: skip
    assert [(one["name"], one["overdue"]) for one in said["exceptions"]] == [
        ("small: public web", True), ("gateway filter:INPUT:3 (owner=ops review=2099-01-31)", False),
    ]  # fmt: skip
    assert project.read("a.md").startswith("## Audit: small\n")


def test_a_topology_and_a_policy_are_enough(project: Project) -> None:
    words = ("audit", "--topology", TOPOLOGY, "--policy", f"gateway={POLICY}")
    done = project.lab(*words).ended(0)
    assert "1. Which services are reachable from outside: 1 service, by 1 rule" in done.out
    assert "2. Which rule enforces each, and who owns it: 1 of 1 rule has no owner" in done.out
    assert "5. What the last rehearsal of the rollback was: none was given (--evidence FILE)" in done.out
    inside = project.lab(*words, "--from", "dmz").ended(0)
    assert "asked from dmz" in inside.out
    project.edit(TOPOLOGY, "role: internet", "role: client")
    project.edit(TOPOLOGY, "anyip: true, ", "")
    nobody = project.lab(*words).ended(2)
    assert "No node of small has the role internet or `anyip`" in nobody.err
    assert "--from WORD" in nobody.err


def test_what_is_no_evidence(project: Project) -> None:
    done = project.lab("audit", "--evidence", TOPOLOGY, "--json", "a.json").ended(2)
    assert "this is no report of `lab run --json`" in done.err
    assert json.loads(project.read("a.json"))["exit_code"] == 2
    assert "is read by this command" in project.lab("audit", "--evidence", "a.json", "--json", "a.json").ended(2).err
