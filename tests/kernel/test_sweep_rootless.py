"""An ordinary user's sweep finds what root's finds, with the buffers that this user may have."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.kernel.scenes import corridor, table
from tests.kernel.test_rootless import CHECKOUT, environment, nobody, open_to_all, runs

__all__ = ["nobody", "open_to_all"]  # fixtures

pytestmark = pytest.mark.kernel

SWEEPS = """
import json, sys
from lab.kernel.ground.privileges import ROOTLESS, enter
enter()
import os
from lab.lab import Lab
from lab.record.sweep import Gear
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology
topology, text = json.loads(sys.stdin.read())
policy = Rendered(text, tuple(f"gateway:{n}" for n in range(1, text.count(chr(10)) + 1)), "gateway")
found = {"rootless": ROOTLESS in os.environ}
with Lab(Topology.model_validate(topology), {"gateway": Rulesets(v4=policy)}) as lab:
    for service in ("tcp/1-3000", "udp/1-3000"):
        for gear in Gear:
            sweep = lab.sweep("client", "server", service, gear=gear, every_port=True)
            told = [[low, high, str(group.verdict), group.arrived] for low, high, group in sweep.ranges()]
            found[f"{gear} {service}"] = [told, sweep.lost]
print(json.dumps(found))
"""


def test_the_same_sweeps(nobody: tuple[list[str], dict[str, str], Path]) -> None:
    rules = ("-A FORWARD -p tcp --dport 100:900 -j REJECT", "-A FORWARD -p udp --dport 300:1200 -j DROP",
             "-A FORWARD -m multiport -p tcp --dports 1500,1600 -j DROP")  # fmt: skip
    asked = json.dumps([corridor(server={"services": ["tcp/80", "udp/53"]}), table("filter", *rules)])
    words, surroundings, code = nobody
    ordinary = runs([*words, "-c", SWEEPS], surroundings, code, asked)
    root = runs([sys.executable, "-c", SWEEPS], environment(CHECKOUT, "", Path(os.sep)), CHECKOUT, asked)
    assert (ordinary.returncode, root.returncode) == (0, 0), ordinary.stderr + root.stderr
    theirs, ours = json.loads(ordinary.stdout), json.loads(root.stdout)
    assert (theirs.pop("rootless"), ours.pop("rootless")) == (True, False)
    assert theirs == ours
    assert {lost for _, lost in theirs.values()} == {0}
    assert [told[:3] for told in theirs["rule tcp/1-3000"][0]][2] == [
        81, 99, "closed, let through by gateway filter:FORWARD policy"
    ], "a range between an open service and rejected ports"
