"""What a node holds, whoever put it there, read while the lab watches: with the lines of what was loaded, of nothing else."""

from __future__ import annotations

import pytest

from lab.kernel.hold.read_back import held
from lab.ruleset.backend import Backend
from tests.kernel.by_hand import RULES, change, reread, sources, told
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True


def test_what_nobody_changed_is_what_was_loaded(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    again = reread(lab)
    assert told(again) == told(lab.policies["gateway"])
    assert sources(again) == [f"gateway.rules:{line}" for line in (6, 7, 8, 9)]
    assert list(again.index.items()) == list(lab.policies["gateway"].index.items())


def test_without_files_there_are_rules_and_no_lines(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    alone = held(lab.network.nodes["gateway"], backend)
    assert {source for *_, source in told(alone)} == {None}
    assert [rule[:3] for rule in told(alone)] == [rule[:3] for rule in told(lab.policies["gateway"])]
    assert alone.rendered is None


def test_a_rule_put_by_hand_has_no_line_and_the_others_keep_theirs(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    tool = f"iptables-{backend}"
    change(lab, f"{tool} -I FORWARD 2 -s 10.0.1.77 -j DROP", f"{tool} -D FORWARD -p tcp -j web", f"{tool} -A web -j DROP")
    again = reread(lab)
    assert sources(again) == ["gateway.rules:6", None, "gateway.rules:8", "gateway.rules:9"]
    assert sources(again, "web") == ["gateway.rules:10", None]
    assert [rule.source for rule in again.index.all() if rule.chain == "web" and rule.number] == ["gateway.rules:10", None]


def test_a_node_without_rules_holds_none(lab_of: LabOf) -> None:
    node = lab_of(corridor(), gateway=RULES).network.nodes["server"]
    assert [list(held(node, backend).rules()) for backend in Backend] == [[], []]


def test_the_old_answers_hold_after_reading(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    before = lab.probe("client", "server", "tcp/80")
    reread(lab)
    after = lab.probe("client", "server", "tcp/80")
    assert (after.kind, after.rule, after.path[0].chains) == (before.kind, before.rule, before.path[0].chains)
