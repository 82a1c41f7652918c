"""The programs that a topology has in its nodes: there before the first question, and never a reason for a strange verdict."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError, MeasurementError
from lab.lab import Lab
from lab.written.topology import Topology
from tests.kernel.scenes import rulesets

pytestmark = pytest.mark.kernel

PYTHON = [os.path.realpath(sys.executable), "-I", "-S", "-u", "-c"]
CLOSED = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p tcp --dport 80 -j ACCEPT
-A OUTPUT -p tcp --sport 80 -j ACCEPT
COMMIT
"""


def topology(*programs: Mapping[str, Any]) -> Topology:
    nodes = {
        "client": {"role": "client", "interfaces": {"lan": "10.0.1.20"}},
        "host": {"role": "server", "interfaces": {"lan": "10.0.1.10"}, "programs": list(programs)},
    }
    return Topology.model_validate({"topology": "two", "networks": {"lan": "10.0.1.0/24"}, "nodes": nodes})


def python(words: str) -> Sequence[str]:
    return [*PYTHON, words]


def test_no_rule_keeps_one_from_being_ready() -> None:
    words = "import signal, socket; s = socket.create_server(('', 2121)); print(open('/run/own.conf').read()); signal.pause()"
    running = {"run": python(words), "ready": "tcp/2121", "files": {"/run/own.conf": "its own"}}
    with Lab(topology(running), {"host": rulesets(CLOSED, name="host")}) as lab:
        assert lab.probe("client", "host", "tcp/2122").denied
        assert lab.probe("client", "host", "tcp/80").allowed


def test_one_that_has_ended_is_told_before_any_verdict() -> None:
    words = "import signal; print('up'); signal.sigwait([signal.SIGUSR1]); print('out of memory'); raise SystemExit(7)"
    own = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); {words}"
    with Lab(topology({"run": python(own), "ready": {"prints": "up"}}), {"host": rulesets(CLOSED, name="host")}) as lab:
        assert lab.probe("client", "host", "tcp/80").allowed
        (process,) = lab.network.nodes["host"].programs
        process.signal(signal.SIGUSR1)
        assert process.wait() == 7
        with pytest.raises(MeasurementError, match=r"host: .* has ended with 7; it said: up\nout of memory"):
            lab.probe("client", "host", "tcp/80")


def test_where_a_program_listens_the_lab_does_not() -> None:
    with Lab(topology({"serve": "ftp"}), {}) as lab, pytest.raises(InputError, match=r"host: `serve: ftp` listens on tcp/21"):
        lab.probe("client", "host", "tcp/21")


def test_they_go_with_the_lab() -> None:
    with Lab(topology({"serve": "ftp"}), {}) as lab:
        assert lab.site.programs is not None
        namespace = os.dup(lab.network.nodes["host"].namespace.descriptor)
    inode = os.fstat(namespace).st_ino
    os.close(namespace)
    assert not [process for process in Path("/proc").glob("[0-9]*") if _inside(process) == inode]


def _inside(process: Path) -> int:
    try:
        return (process / "ns/net").stat().st_ino
    except OSError:
        return 0
