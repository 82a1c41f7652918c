"""Changes asked of the kernel: rows on both sides, matrices on the new one, live flows, and the script for clients."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lab.kernel.stage.program.witness import Prints
from lab.lab import Lab
from lab.prepare.changed import changed_scenes
from lab.prepare.scene import Scene
from lab.record.difference import Aspect, Difference, DiffReport, Flow, FlowClass, Side
from lab.report.client_script import client_script
from lab.study.change.judge import judged
from lab.study.change.seen import with_seen
from lab.written.change import Change
from lab.written.load import held_matrices, load_change, search_folders
from lab.written.seen.live import LiveFlow
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, table
from tests.unit.docs.test_examples import ROOT, blocks_of

pytestmark = pytest.mark.kernel

PYTHON = os.path.realpath(sys.executable)

FIRST = "-A FORWARD -d 10.0.2.10/32 -p tcp -m tcp --dport 80 -m comment --comment first -j ACCEPT"
SECOND = "-A FORWARD -s 10.0.1.0/24 -d 10.0.2.10/32 -p tcp -m tcp --dport 81 -m comment --comment second -j ACCEPT"
NAT = "-A PREROUTING -d 10.0.1.1/32 -p tcp -m tcp --dport {} -j DNAT --to-destination 10.0.2.10:{}"
INTENDED = {"name": "the second port", "from": "client", "to": "server", "service": "tcp/81", "expect": "allow"}


Rows = Sequence[Mapping[str, Any]]


class Changed:
    """A change of the corridor's gateway, with its two sides."""

    def __init__(self, folder: Path, old: str, new: str, intends: Rows, held: Rows) -> None:
        (folder / "policies").mkdir()
        (folder / "policies" / "old.rules").write_text(old)
        (folder / "policies" / "new.rules").write_text(new)
        self._folder = folder
        self._write("topologies", "corridor", corridor())
        of = {"topology": "corridor", "policies": {"gateway": "old"}}
        self._write("matrices", "held", {"matrix": "held", "for": "gateway", **of, "flows": held})
        sides = {"topology": "corridor", "old": {"gateway": "old"}, "new": {"gateway": "new"}}
        file = self._write("changes", "CHG-1", {"change": "CHG-1", **sides, "intends": intends, "holds": ["held"]})
        self.change: Change = load_change(file)
        scenes = changed_scenes(file, self.change)
        assert scenes.old is not None
        self.old: Scene = scenes.old
        self.new: Scene = scenes.new
        self.matrices = held_matrices(self.change, search_folders(file))

    def _write(self, kind: str, name: str, written: Mapping[str, Any]) -> Path:
        file = self._folder / kind / f"{name}.yaml"
        file.parent.mkdir()
        with file.open("w") as to:
            YAML(typ="safe", pure=True).dump(dict(written), to)
        return file

    def difference(self, service: str, sources: str = CLIENT, size: int = 1) -> Difference:
        """The class that a service opens or closes, as the kernel says it of one flow."""
        flow = Flow("client", CLIENT, SERVER, service, 4)
        verdicts = []
        for scene in (self.old, self.new):
            with Lab(scene.topology, scene.policies) as lab:
                verdicts.append(lab.probe(flow.node, flow.destination, flow.service))
        old, new = verdicts
        of = FlowClass((sources,), (SERVER,), (service,), size)
        return Difference(Aspect.ALLOW, flow, of, Side(old), Side(new), opens=new.allowed, closes=old.allowed)

    def judged(self, *differences: Difference) -> DiffReport:
        """The report of these, held against the change."""
        report = DiffReport("old", "new", "gateway", "corridor", differences, exit_code=int(bool(differences)))
        return judged(report, self.change, self.old, self.new, matrices=self.matrices)


SEVEN = f"1 live flow, as {CLIENT} > {SERVER} tcp/7"


def filtered(*rules: str, nat: tuple[str, ...] = ()) -> str:
    return table("nat", *nat) * bool(nat) + table("filter", ESTABLISHED, *rules, INPUT="DROP", FORWARD="DROP")


HELD = [{"name": "the first port", "from": "client", "to": "server", "service": "tcp/80", "expect": "allow", "rule": "first"}]


def test_what_was_asked_for_and_nothing_else(tmp_path: Path) -> None:
    made = Changed(tmp_path, filtered(FIRST), filtered(FIRST, SECOND), [{**INTENDED, "from": "net:left"}], HELD)
    found = made.judged(made.difference("tcp/81", "10.0.1.0/24", 256))
    assert [(one.name, one.passed, one.what) for one in found.intended] == [("the second port", True, "")]
    assert [(one.name, one.passed) for one in found.holds] == [("held::the first port[client->server tcp/80]", True)]
    assert [one.intended for one in found.differences] == ["the second port"]
    assert (found.collateral, found.breadth, found.exit_code, found.change) == ((), 1, 0, "CHG-1")


def test_more_than_was_asked_for(tmp_path: Path) -> None:
    made = Changed(tmp_path, filtered(FIRST), filtered(FIRST, SECOND), [INTENDED], HELD)
    found = made.judged(made.difference("tcp/81", "10.0.1.0/24", 256))
    assert [one.passed for one in (*found.intended, *found.holds)] == [True, True]
    assert len(found.collateral) == 1
    assert (found.breadth, found.exit_code) == (256, 1)
    assert "255 flows were not asked for" in found.notes[0]


def test_rows_that_held_before_or_do_not_hold_afterwards_and_a_matrix_that_breaks(tmp_path: Path) -> None:
    rows: Rows = [
        {**INTENDED, "name": "was there", "service": "tcp/80"},
        {**INTENDED, "name": "was half there", "service": ["tcp/80", "tcp/81"]},
        {**INTENDED, "name": "never comes", "service": "tcp/82"},
        {**INTENDED, "name": "another rule", "rule": "first"},
    ]
    both = "-A FORWARD -d 10.0.2.10/32 -p tcp -m tcp --dport 80:81 -m comment --comment both -j ACCEPT"
    new = filtered(both, "-A FORWARD -p tcp -m tcp --dport 82 -j REJECT")
    made = Changed(tmp_path, filtered(FIRST), new, rows, HELD)
    found = made.judged()
    told = {one.name: (one.passed, one.what) for one in found.intended}
    assert told["was there"][0] is False
    assert told["was there"][1].startswith("held before already: CHG-1::was there[client->server tcp/80] was allowed by")
    assert told["was half there"] == (True, "1 of its 2 cells held before already")
    assert told["never comes"][0] is False
    assert told["never comes"][1].startswith("does not hold afterwards: CHG-1::never comes[client->server tcp/82]: must")
    assert told["never comes"][1].endswith("; then also blocked by gateway filter:FORWARD policy")
    assert told["another rule"][0] is False
    assert "decided by" in told["another rule"][1]
    (held,) = found.holds
    assert not held.passed
    assert held.what.startswith("mismatch: ")
    assert found.exit_code == 1


def test_what_the_kernel_refuses_ends_it_with_its_own_code(tmp_path: Path) -> None:
    made = Changed(tmp_path, filtered(FIRST), filtered("-A FORWARD -j NOWHERE"), [INTENDED], HELD)
    found = made.judged()
    assert found.exit_code == 2
    assert any("NOWHERE" in problem.what for problem in found.problems)
    assert [one.passed for one in (*found.intended, *found.holds)] == [False, False]
    assert "could not be asked on both sides" in found.intended[0].what


def test_live_flows(tmp_path: Path) -> None:
    udp, port = "-A FORWARD -p udp -j ACCEPT", "-A FORWARD -p tcp -m tcp --dport {} -j ACCEPT"
    old = filtered(FIRST, udp, port.format(90), nat=(NAT.format(443, 90),))
    new = filtered(FIRST, SECOND, udp, port.format(91), nat=(NAT.format(443, 91),))
    made = Changed(tmp_path, old, new, [INTENDED], HELD)
    live = [
        LiveFlow(4, CLIENT, SERVER, "tcp/80", SERVER, CLIENT, count=7),
        LiveFlow(4, CLIENT, SERVER, "tcp/90", SERVER, CLIENT, count=3),
        LiveFlow(4, CLIENT, SERVER, "tcp/81", SERVER, CLIENT, replied=False),
        LiveFlow(4, CLIENT, SERVER, "udp/53", "10.0.2.99", CLIENT),
        LiveFlow(4, CLIENT, NEAR, "tcp/443", SERVER, CLIENT, count=5),
        LiveFlow(4, CLIENT, SERVER, "tcp/7", SERVER, CLIENT),
        LiveFlow(4, CLIENT, "192.0.2.1", "tcp/80", count=4),
        LiveFlow(4, CLIENT, SERVER, "proto/47"),
    ]
    told: list[tuple[int, int]] = []
    report = DiffReport("old", "new", "gateway", "corridor")
    found = with_seen(report, live, made.old, made.new, progress=lambda done, of: told.append((done, of)))
    assert [(one.how, one.peer, one.service, one.count) for one in found.seen] == [
        ("cut", f"{CLIENT} > {SERVER}", "tcp/90", 3),
        ("translated otherwise", f"{CLIENT} > {NEAR}", "tcp/443", 5),
        ("newly open", f"{CLIENT} > {SERVER}", "tcp/81", 1),
    ]
    assert told[-1] == (6, 6)
    assert found.exit_code == 1
    assert found.notes == (
        "18 of 23 live flows were asked on both sides, as new connections (6 distinct ones)",
        f"4 live flows left out: an end is not in this topology, as {CLIENT} > 192.0.2.1 tcp/80",
        f"1 live flow left out: the lab does not send this kind, as {CLIENT} > {SERVER} proto/47",
        f"answered on the real host, and denied here by the old rules: {SEVEN}: are these its rules?",
        f"translated otherwise on the real host than here by the old rules: 1 live flow, as {CLIENT} > {SERVER} udp/53",
        f"3 distinct live flows fare otherwise and are in no class above, as {CLIENT} > {SERVER} tcp/90",
    )


def test_live_flows_of_what_was_asked_for_are_as_they_should_be(tmp_path: Path) -> None:
    made = Changed(tmp_path, filtered(FIRST), filtered(FIRST, SECOND), [INTENDED], HELD)
    report = made.judged(made.difference("tcp/81"))
    found = with_seen(report, [LiveFlow(4, CLIENT, SERVER, "tcp/81", replied=False)], made.old, made.new)
    assert ([one.how for one in found.seen], found.exit_code) == (["newly open"], 0)


def test_the_example_of_the_docs_is_what_its_page_says(tmp_path: Path) -> None:
    for block in blocks_of(ROOT / "docs" / "changes.md"):
        first = block.text.partition(":")[0]
        name = block.text.partition(":")[2].partition("\n")[0].strip()
        folder = {"topology": "topologies", "matrix": "matrices", "change": "changes"}.get(first)
        policy = block.info.partition("text policies/")[2]
        file = tmp_path / folder / f"{name}.yaml" if folder else tmp_path / "policies" / policy if policy else None
        if file is not None:
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)
    (file,) = (tmp_path / "changes").iterdir()
    change = load_change(file)
    old, new = changed_scenes(file, change)
    assert old is not None
    matrices = held_matrices(change, search_folders(file))
    found = judged(DiffReport("old", "new", "gateway", "shop"), change, old, new, matrices=matrices)
    assert [(one.passed, one.what) for one in found.intended] == [(True, "")]
    assert len(found.holds) == 4
    assert all(one.passed for one in found.holds)
    assert found.exit_code == 0


LISTENS = """
import signal, socket
ports = [socket.create_server(("", port)) for port in (80, 81)]
print("up", flush=True)
signal.pause()
"""


@pytest.mark.parametrize(("side", "word", "code"), [("new", "ok", 0), ("old", "NOT AS EXPECTED", 1)])
def test_the_script_for_clients_tells_what_a_client_sees(tmp_path: Path, side: str, word: str, code: int) -> None:
    refuse = "-A FORWARD -p tcp -j REJECT"
    made = Changed(tmp_path, filtered(FIRST, refuse), filtered(SECOND, refuse), [INTENDED], HELD)
    opened, closed = made.difference("tcp/81"), made.difference("tcp/80")
    elsewhere = replace(opened, flow=opened.flow._replace(source="10.0.1.77"))
    script = client_script(DiffReport("old", "new", "gateway", "corridor", (opened, closed, elsewhere)))
    scene = made.new if side == "new" else made.old
    with Lab(scene.topology, scene.policies) as lab:
        lab.network.nodes["server"].start([PYTHON, "-I", "-S", "-c", LISTENS], ready=Prints("up"))
        client = lab.network.nodes["client"].start(["sh", "-c", script])
        assert client.wait() == code, client.output()
        lines = client.output().splitlines()
    assert [line[:16].strip() for line in lines[:3]] == [word, word, "not from here"]
    assert [line[17:19].strip() for line in lines[:3]] == ["1", "2", "3"]
