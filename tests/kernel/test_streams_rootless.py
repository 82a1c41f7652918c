"""An ordinary user's streams are counted as root's are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernel.scenes import CLIENT, NEAR, SERVER, corridor
from tests.kernel.streams import STRICT
from tests.kernel.test_rootless import nobody, open_to_all, runs

__all__ = ["nobody", "open_to_all"]  # fixtures

pytestmark = pytest.mark.kernel

STREAMS = """
import json, sys
from lab.kernel.ground.privileges import ROOTLESS, enter
enter()
import os
from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.probe.question import Handshake, Question
from lab.probe.stream.stream import Stream
from lab.probe.stream.streams import Streams
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.verdict.window import window
from lab.written.topology import Topology
topology, text, asked = json.loads(sys.stdin.read())
policy = Rendered(text, tuple(f"gateway:{n}" for n in range(1, text.count(chr(10)) + 1)), "gateway")
streams = [Stream(name, Question("client", source, to, Handshake(port), receivers=((at, port),)))
           for name, source, to, at, port in asked]
with Lab(Topology.model_validate(topology), {"gateway": Rulesets(v4=policy)}) as lab:
    gateway = lab.network.nodes["gateway"].namespace
    with Streams(lab.stage, "gateway", streams, streams[:1]) as running:
        running.during(lambda: run(gateway, ["iptables-nft", "-F"]))
        running.during(lambda: run(gateway, ["iptables-nft-restore"], text))
        found = window(running.end())
print(json.dumps([ROOTLESS in os.environ, {one.stream.name: [one.before, one.packets("opened") > 0] for one in found.streams},
                  [str(flow.after) for flow in found.flows]]))
"""


def test_the_same_counts(nobody: tuple[list[str], dict[str, str], Path]) -> None:
    asked = [("web", CLIENT, SERVER, "server", 80), ("ssh", CLIENT, SERVER, "server", 22), ("own", CLIENT, NEAR, "gateway", 22)]
    words, surroundings, code = nobody
    given = json.dumps([corridor(server={"services": ["tcp/80"]}), STRICT, asked])
    done = runs([*words, "-c", STREAMS], surroundings, code, given)
    assert done.returncode == 0, done.stderr
    rootless, streams, flows = json.loads(done.stdout)
    assert rootless
    assert streams == {"web": ["allowed", False], "ssh": ["denied", True], "own": ["allowed", False]}
    assert flows == ["allowed by gateway filter:FORWARD:1 (answers)"]
