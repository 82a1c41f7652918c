"""Commands on the twin of a host of which nothing but a dump is known; the dump is that of the pages."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from lab.report.wire.schema import reconcile_schema, trace_schema
from tests.doors.project import DEADLINE_S, LAB, Project

pytestmark = pytest.mark.kernel

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
DUMP = "docker-host.rules"
PUBLISHED = "docker-host filter:DOCKER:2 accepted it  [docker-host.rules:40]"


@pytest.fixture
def host(tmp_path: Path) -> Project:
    """A folder with nothing but the dump."""
    project = Project(tmp_path)
    for folder in ("topologies", "policies", "matrices"):
        shutil.rmtree(project.folder / folder)
    shutil.copy(EXAMPLES / DUMP, project.folder)
    return project


def test_one_command_from_a_dump_to_an_answer(host: Project) -> None:
    done = host.lab("trace", "203.0.113.9", "self", "tcp/5432", "--twin", DUMP, "--json", "t.json").ended(0)
    assert "verdict     allowed" in done.out
    assert PUBLISHED in done.out
    assert "arrived     at behind-br-5e1f00d0c0de 172.21.0.2:5432 from 203.0.113.9:" in done.out, "somebody listens there"
    line = "-A POSTROUTING -s 172.21.0.0/16 ! -o br-5e1f00d0c0de -j MASQUERADE"
    guess = f"br-5e1f00d0c0de: 172.21.0.0/16 is behind it, this host is 172.21.0.1 there (invented), as of `{line}`"
    assert f"{guess}  [docker-host.rules:11]" in done.out
    assert done.out.startswith("  verdict "), "what is to be known beside it comes after"
    assert done.out.splitlines()[-1].startswith("note: what is guessed is known from what `ip addr` and `ip route` print")
    document = json.loads(host.read("t.json"))
    jsonschema.validate(document, trace_schema())
    assert any(told.startswith(guess) for told in document["traces"][0]["guesses"])


def test_words_of_a_twin(host: Project) -> None:
    denied = host.lab("trace", "@docker0", "@br-5e1f00d0c0de", "tcp/80", "--twin", DUMP, "--all-blockers").ended(0)
    assert "by          docker-host filter:DOCKER-ISOLATION-STAGE-2:2 dropped it  [docker-host.rules:45]" in denied.out
    unknown = host.lab("trace", "@eth9", "self", "tcp/22", "--twin", DUMP).ended(2)
    assert "has no interface 'eth9'" in unknown.err
    both = host.lab("trace", "self", "@eth0", "tcp/22", "--twin", DUMP, "--topology", "small").ended(2)
    assert both.err.startswith("--twin and --topology")
    alone = host.lab("trace", "a", "b", "tcp/22", "--addr", "x.txt").ended(2)
    assert "belong to --twin" in alone.err


def test_all_that_blocks(host: Project) -> None:
    last = "-A DOCKER-USER -j RETURN"
    host.write("more.rules", host.read(DUMP).replace(last, f"-A DOCKER-USER -p tcp -m tcp --dport 81 -j DROP\n{last}"))
    done = host.lab("trace", "@eth0", "172.21.0.9", "tcp/81", "--twin", "more.rules", "--all-blockers").ended(0)
    assert "by          more filter:DOCKER-USER:1 dropped it  [more.rules:47]" in done.out
    assert "then        also blocked by more filter:FORWARD policy" in done.out


def test_a_dump_that_comes_by_a_pipe(host: Project) -> None:
    done = subprocess.run(
        [LAB, "trace", "203.0.113.9", "self", "tcp/22", "--twin", "-"], cwd=host.folder, input=host.read(DUMP),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "filter:INPUT:3 (ssh owner=platform review=2026-09-30) accepted it  [<standard input>:26]" in done.stdout


def test_what_is_open_and_who_is_reached_and_what_an_auditor_asks(host: Project) -> None:
    exposed = host.lab("exposure", "--twin", DUMP, "--from", "@eth0").ended(0)
    assert "filter:INPUT:3 (ssh owner=platform review=2026-09-30)" in exposed.out
    assert "note: guessed: docker0: 172.17.0.0/16 is behind it" in exposed.out
    reached = host.lab("reach", "--service", "tcp/5432", "--twin", DUMP).ended(0)
    assert "filter:DOCKER:2" in reached.out
    assert "note: guessed: " in reached.out
    audited = host.lab("audit", "--twin", DUMP).ended(1)
    assert "asked from eth0;" in audited.out, "outside is the internet"
    assert "to be reviewed by 2026-09-30" in audited.out


def test_a_matrix_on_the_twin_of_the_host_that_has_its_role(host: Project) -> None:
    row = "{name: the database is not published, from: 203.0.113.9, to: 198.51.100.2, service: tcp/5432, expect: drop}"
    host.write("matrices/database.yaml", "\n".join((
        "matrix: database", "for: gateway", "topology: none", "policies: {gateway: none}", "flows:", f"  - {row}", "",
    )))  # fmt: skip
    done = host.lab("run", "matrices/database.yaml", "--twin", DUMP).ended(1)
    assert "FAIL-OPEN" in done.out
    assert "gateway filter:DOCKER:2" in done.out, "the host is called as the matrix calls its node"


def test_a_host_against_its_policy(host: Project) -> None:
    before = "-A INPUT -i lo -j ACCEPT"
    host.write("running.rules", host.read(DUMP).replace(before, f"{before}\n-A INPUT -s 203.0.113.7/32 -j ACCEPT"))
    done = host.lab("reconcile", "running.rules", "--policy", DUMP, "--json", "r.json").ended(1)
    assert "OPENS" in done.out
    assert "EMERGENCY RULES without owner, ticket and date (1):" in done.out
    document = json.loads(host.read("r.json"))
    jsonschema.validate(document, reconcile_schema())
    (rule,) = document["rules"]["unwritten"]
    assert (rule["text"], rule["lacks"]) == ("-A INPUT -s 203.0.113.7/32 -j ACCEPT", ["owner", "ticket", "date"])
    assert "nothing" in host.lab("reconcile", DUMP, "--policy", DUMP).ended(0).out.splitlines()[0]
