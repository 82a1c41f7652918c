"""What is logged of a flow: LOG by the trace, NFLOG by messages that came to its group."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.logs import LogMessage
from lab.record.result import CellResult
from lab.ruleset.backend import Backend
from tests.kernel.conftest import Project
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel

ROW = {"name": "row", "from": "client", "to": "server", "service": "tcp/22", "expect": "drop"}
ON_BOTH_BACKENDS = True
BOTH = pytest.mark.parametrize("backend", ["nft", "legacy"])
LOG = '-A FORWARD -p tcp -j LOG --log-prefix "tcp " --log-level info'
NFLOG = '-A FORWARD -p tcp -j NFLOG --nflog-prefix "tcp " --nflog-group 5'
ZERO = '-A FORWARD -p tcp -j NFLOG --nflog-prefix "tcp "'


def run(project: Project, backend: Backend, rules: tuple[str, ...], logged: Any, **keys: Any) -> CellResult:
    ruleset = table("filter", *rules, FORWARD=keys.pop("policy", "DROP"))
    (cell,) = project.run(corridor(), {"gateway": ruleset}, [{**ROW, "logged": logged, **keys}], backend=backend).results
    return cell


def messages(cell: CellResult) -> tuple[LogMessage, ...]:
    return cell.verdict.observation.logged or ()


@pytest.mark.parametrize(
    ("rule", "logged", "by"),
    [
        (LOG, {"prefix": "tcp ", "level": 6}, "by the trace of gateway filter:FORWARD:1"),
        (NFLOG, {"prefix": "tcp ", "group": 5, "times": 1}, "by a message of NFLOG group 5, of gateway filter:FORWARD:1"),
        (ZERO, {"group": 0}, "by a message of NFLOG group 0, of gateway filter:FORWARD:1"),
    ],
    ids=["LOG", "NFLOG", "group 0"],
)
def test_who_witnessed_it(project: Project, backend: Backend, rule: str, logged: Any, by: str) -> None:
    cell = run(project, backend, (rule,), logged)
    assert (str(cell.outcome), cell.differences) == ("passed", ())
    (message,) = messages(cell)
    assert message.by == by
    assert (message.hook, message.entered, message.toward) == ("forward", "left", "right")
    assert message.packet is not None
    assert (message.packet.source, message.packet.dport) == ("10.0.1.10", 22)
