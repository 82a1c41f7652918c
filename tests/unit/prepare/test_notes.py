"""What the reader of any answer must know of the policies that it was asked on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare.notes import NO_POLICY
from lab.prepare.scene import find_scene, make_scene
from tests.doors.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_a_family_without_a_ruleset_is_told_where_it_is_asked_for(project: Project) -> None:
    scene = find_scene(Path("matrices/small.yaml"), None, {})
    assert scene.notes([4]) == ()
    assert scene.notes([4, 6]) == ("gateway: its policy has no IPv6 ruleset, so every IPv6 packet passes",)


def test_no_policy_is_told_first(project: Project) -> None:
    assert make_scene("small", {}).notes([4]) == (NO_POLICY,)
    assert make_scene("small", {"gateway": "small-gateway"}).notes([4]) == ()


def test_a_policy_for_a_node_that_is_not_there(project: Project) -> None:
    with pytest.raises(InputError, match="has no node router to give a policy"):
        find_scene(Path("matrices/small.yaml"), "small-elsewhere", {"router": "small-gateway"})


def test_rules_that_need_what_is_not_there_are_told_with_their_line(project: Project) -> None:
    text = "-A FORWARD -m mac --mac-source 00:16:3e:0a:0b:0{} -j ACCEPT\n"
    rules = "".join(text.format(number) for number in (1, 2, 3))
    project.edit("policies/small-gateway.rules.j2", "-A INPUT -p tcp", f"{rules}-A INPUT -p tcp")
    (note,) = find_scene(Path("matrices/small.yaml"), None, {}).notes([4])
    assert note.startswith("gateway: the rule in policies/small-gateway.rules.j2:12 matches nothing for want of a sender with ")
    assert "00:16:3e:0a:0b:01 (and so 2 more rules)" in note


def test_a_row_may_bring_the_user_that_a_rule_is_about(project: Project) -> None:
    rules = "-A OUTPUT -p udp -m owner --uid-owner 101 -j ACCEPT\n-A OUTPUT -m owner ! --uid-owner 0 -j DROP\n"
    project.edit("policies/small-gateway.rules.j2", "-A INPUT -p tcp", f"{rules}-A INPUT -p tcp")
    first, other = find_scene(Path("matrices/small.yaml"), None, {}).notes([4])
    assert first.endswith("matches only a process of user 101: rows with `uid:` alone show what it does with it")
    assert "matches only for want of" in other


def test_a_row_may_bring_the_bytes_that_a_rule_is_about(project: Project) -> None:
    project.edit("policies/small-gateway.rules.j2", "-A INPUT -p tcp", "-A INPUT -m u32 --u32 0x0=0x1 -j DROP\n-A INPUT -p tcp")
    (note,) = find_scene(Path("matrices/small.yaml"), None, {}).notes([4])
    assert note.endswith("`-m u32` looks for: only a row with `payload:` or `packet:` shows what it does with it")


def test_interfaces_that_the_node_lacks_are_told_together(project: Project) -> None:
    rules = "".join(f"-A INPUT -i {name} -j DROP\n-A FORWARD -i {name} -j DROP\n" for name in ("ppp7", "lo", "br9", "tap+"))
    project.edit("policies/small-gateway.rules.j2", "-A INPUT -p tcp", f"{rules}-A INPUT -p tcp")
    (note,) = find_scene(Path("matrices/small.yaml"), None, {}).notes([4])
    of = "gateway: rules of policies/small-gateway.rules.j2"
    assert note == f"{of} name interfaces that the node does not have: ppp7, br9, tap+"


@pytest.mark.parametrize(("written", "told"), [
    ("-A FORWARD -i tap1 -j ACCEPT", "names tap1, a port of br0: packets come and go by br0 there"),
    ("-A FORWARD -i br0 -j ACCEPT", None),
    ("-A FORWARD -m physdev --physdev-in tap1 -j ACCEPT", None),
    ("-A FORWARD -m physdev --physdev-in tap7 -j ACCEPT", "for want of a bridge with `bridge-nf` and the port tap7"),
])  # fmt: skip
def test_ports_of_a_bridge_are_seen_by_physdev_alone(project: Project, written: str, told: str | None) -> None:
    bridge = "br0: {network: dmz, address: 10.0.2.1, bridge: [tap1], bridge-nf: true}"
    project.edit("topologies/small.yaml", "dmz: 10.0.2.1}", bridge + "}")
    project.edit("policies/small-gateway.rules.j2", "-A INPUT -p tcp", f"{written}\n-A INPUT -p tcp")
    notes = find_scene(Path("matrices/small.yaml"), None, {}).notes([4])
    assert len(notes) == (told is not None)
    assert told is None or told in notes[0]


@pytest.mark.parametrize(("candidates", "words"), [
    ((), "there is no matrix"), (("a.yaml", "b.yaml"), "there are several matrices: a.yaml, b.yaml"),
])  # fmt: skip
def test_which_network_is_asked_for(candidates: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_scene(None, None, {}, candidates=[Path(one) for one in candidates])


def test_of_many_interfaces_the_first_are_named(project: Project) -> None:
    rules = "".join(f"-A INPUT -i tap{number} -j DROP\n" for number in range(40))
    project.edit("policies/small-gateway.rules.j2", "-A INPUT -p tcp", f"{rules}-A INPUT -p tcp")
    (note,) = find_scene(Path("matrices/small.yaml"), None, {}).notes([4])
    assert note.endswith("does not have: tap0, tap1, tap2, tap3, tap4, tap5, tap6, tap7 and 32 more")


def test_rules_that_no_packet_meets_are_told(project: Project) -> None:
    part = "*filter\n:ufw-in - [0:0]\n-A ufw-in -p tcp -j DROP\n{}COMMIT\n"
    project.write("policies/part.rules", part.format(""))
    project.write("policies/whole.rules", part.format("-A INPUT -j ufw-in\n"))
    (note,) = find_scene(Path("matrices/small.yaml"), None, {"gateway": "policies/part.rules"}).notes([4])
    assert "policies/part.rules: none of its rules stands in a built-in chain" in note
    assert find_scene(Path("matrices/small.yaml"), None, {"gateway": "policies/whole.rules"}).notes([4]) == ()
