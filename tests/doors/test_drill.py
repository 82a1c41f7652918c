"""A drill from its start to its end, and verified, by the commands that people use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.drilled import DRILL
from tests.doors.project import Ended, Project


class Team:
    """A project with a small drill, and labs that stay up in a folder of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.project = Project(folder)
        (folder / "drills").mkdir()
        self.file = folder / "drills" / "web-gone.yaml"
        self.file.write_text(DRILL)
        self.runtime = folder / "up"
        patch.setenv("LAB_RUNTIME_DIR", str(self.runtime))

    def drill(self, *words: str) -> Ended:
        return self.project.lab("drill", *words)


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    made = Team(tmp_path, monkeypatch)
    yield made
    made.project.lab("down", "--all")


def test_a_drill_is_started_answered_mended_and_stopped(team: Team) -> None:
    started = team.drill("start", "web-gone", "--name", "team-a").ended(0)
    assert "The web server is not reached." in started.out
    assert "publish-web" not in started.told
    team.drill("start", "web-gone", "--name", "team-a").ended(2)
    wrong = team.drill("answer", "team-a", "gateway", "nat:PREROUTING", "missing-nat").ended(1)
    assert "neither the place nor the kind is right" in wrong.out
    assert "The director calls." in wrong.out
    half = team.drill("answer", "team-a", "gateway", "filter:FORWARD", "wrong-order").ended(1)
    assert "the place is right, the kind is not" in half.out
    right = team.drill("answer", "team-a", "gateway", "filter:forward", "missing-accept").ended(0)
    assert "right: the place and the kind" in right.out
    assert "Look behind PREROUTING." in team.drill("hint", "team-a").ended(0).out
    red = team.drill("check", "team-a").ended(1)
    assert "check   red (0 of 1)" in red.out
    assert "kept    green (2 of 2)" in red.out
    mend = "iptables -A FORWARD -d 10.0.2.10 -p tcp --dport 8443 -m conntrack --ctstate DNAT -j ACCEPT"
    team.project.lab("exec", "team-a", "gateway", "--", "sh", "-c", mend).ended(0)
    assert "mended, and nothing else is broken" in team.drill("check", "team-a").ended(0).out
    status = team.drill("status", "team-a").ended(0).out
    assert "hints taken   1 of 1" in status
    assert "answers       3, 2 of them wrong" in status
    assert "missing-accept" not in status
    assert "missing-accept" in team.drill("reveal", "team-a").ended(0).out
    team.drill("stop", "team-a").ended(0)
    assert not team.runtime.exists()
    team.drill("status", "team-a").ended(2)


def test_what_opens_everything_fails_the_drill(team: Team) -> None:
    team.drill("start", "web-gone").ended(0)
    for command in ("iptables -P FORWARD ACCEPT", "iptables -P FORWARD DROP; reboot"):
        team.project.lab("exec", "web-gone", "gateway", "--", "sh", "-c", command).ended(0)
    checked = team.drill("check", "web-gone").ended(1)
    assert "FAILED  gateway was rebooted" in checked.out
    assert "FAILED" in team.drill("status", "web-gone").ended(0).out


def test_a_drill_that_is_not_what_it_says_leaves_nothing(team: Team) -> None:
    team.file.write_text(DRILL.replace("service: tcp/443, expect: drop}]", "service: tcp/443, expect: allow}]"))
    assert "it is broken, and not as the drill says" in team.drill("start", "web-gone").ended(3).err
    assert not team.runtime.exists()


def test_a_drill_is_verified_way_by_way(team: Team) -> None:
    done = team.drill("verify", "web-gone", "--json").ended(0)
    told = json.loads(done.out)
    names = [proof["name"] for proof in told["proofs"]]
    assert {"accept all fails", "flush fails", "policy ACCEPT fails", "reboot fails", "older file fails"} <= set(names)
    assert told["holds"]
    assert all(proof["holds"] for proof in told["proofs"])
    team.file.write_text(DRILL.replace("--dport 8443 -m", "--dport 443 -m"))
    failed = team.drill("verify", "web-gone").ended(1)
    assert "the reference mend passes: check is red" in failed.out
