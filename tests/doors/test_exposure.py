"""``lab exposure`` without a matrix, stopped by a signal, and where a rule decides by chance."""

from __future__ import annotations

import json
import shutil

import jsonschema
import pytest

from lab.report.wire.schema import exposure_schema
from tests.doors.project import Project

pytestmark = pytest.mark.kernel

RULE = (
    "-A FORWARD -d 10.0.2.10/32 -p tcp -m tcp --dport 8443 -m conntrack --ctstate DNAT "
    "-m comment --comment publish-web -j ACCEPT"
)
POLICY = "policies/small-gateway.rules.j2"
STOPPED = """
import os, signal
from lab.study import exposure
survey = exposure.survey
def stop(*given, progress, **more):
    def told(done, of):
        progress(done, of)
        if done == 2:
            os.kill(os.getpid(), signal.{0})
    survey(*given, progress=told, **more)
exposure.survey = stop
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
BY_CHANCE = "-A FORWARD -p tcp -m tcp --dport 8443 -m statistic --mode random --probability 0.5 -j DROP\n"


def test_a_topology_and_a_policy_are_enough(project: Project) -> None:
    shutil.rmtree(project.folder / "matrices")
    words = ("exposure", "--topology", "small", "--policy", "gateway=small-gateway", "--from", "world", "--to", "wan")
    done = project.lab(*words, "--json", "exposed.json").ended(0)
    assert done.err == "2 questions, each of 65,535 ports\n"
    assert [line.partition(", 2 questions")[0] for line in done.out.splitlines()] == [
        "small: what each rule opens, the widest first",
        f"gateway filter:FORWARD:2 (publish-web) [{POLICY}:11]",
        f"    {RULE}",
        "  tcp/443  wan world 198.51.100.254 -> wan web-vip 198.51.100.1  yes -> web 10.0.2.10 port 8443",
        "1 rule that no question met: --full names them",
        "small: 1 exposure by 1 rule (1 port)",
    ]
    assert json.loads(project.read("exposed.json"))["judged"] is False
    assert "--topology TOPOLOGY --policy NODE=FILE" in project.lab("exposure").ended(2).err


def test_a_topology_that_no_matrix_is_about(project: Project) -> None:
    project.write("topologies/other.yaml", project.read("topologies/small.yaml").replace("topology: small", "topology: other"))
    words = ("exposure", "--from", "world", "--full", "--policy", f"gateway={POLICY}", "--topology")
    for topology in ("other", "topologies/other.yaml"):
        done = project.lab(*words, topology).ended(0)
        assert "(publish-web)" in done.out
        assert "public web" not in done.out
    assert "public web" in project.lab(*words, "small").ended(0).out


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_tells_what_was_finished(project: Project, name: str, code: int) -> None:
    words = ("exposure", "--from", "world", "--json", "r.json", "--markdown", "r.md")
    done = project.lab_with(STOPPED.format(name), *words).ended(code)
    assert "interrupted: this is what was finished" in done.out
    assert "(publish-web)" in done.out
    said = json.loads(project.read("r.json"))
    jsonschema.validate(said, exposure_schema())
    assert (said["exit_code"], said["interrupted"], said["questions"]) == (code, True, 2)
    assert "**interrupted**" in project.read("r.md")


def test_what_chance_decides_is_neither_new_nor_gone(project: Project) -> None:
    words = ("exposure", "--from", "world", "--to", "wan")
    project.lab(*words, "--json", "settled.json").ended(0)
    project.edit(POLICY, "-A FORWARD -m", f"{BY_CHANCE}-A FORWARD -m")
    done = project.lab(*words, "--against", "settled.json", "--json", "unsettled.json").ended(3)
    assert "unsettled: world > web-vip (198.51.100.1) tcp/443: " in done.out
    assert "0 new, 0 gone" in done.out
    open_now = bool(json.loads(project.read("unsettled.json"))["exposures"])
    assert ("not told: world > web-vip (198.51.100.1) tcp/443: open before, and not told now: " in done.out) != open_now
    project.edit(POLICY, BY_CHANCE, "")
    again = project.lab(*words, "--against", "unsettled.json").ended(0 if open_now else 3)
    assert "0 new, 0 gone" in again.out
    assert ("open now, and not told before: " in again.out) != open_now
    swept = project.lab("sweep", "world", "web-vip", "tcp/443").ended(0)
    assert "not settled" not in swept.out
