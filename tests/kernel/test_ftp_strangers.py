"""Servers that say that all is well when it is not: what they sent is what counts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.lab import Lab
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology
from tests.kernel.scenes import corridor, rendered

pytestmark = pytest.mark.kernel

SERVER = """
import fcntl, socket

SIOCOUTQ = 0x5411  # linux/sockios.h: how much of what was said is unacknowledged

def talk(control):
    control.sendall(b"220 hello\\r\\n")
    data = socket.create_server(("0.0.0.0", 0))
    port = data.getsockname()[1]
    for line in control.makefile("rb"):
        if line.startswith(b"USER"):
            control.sendall(b"230 in\\r\\n")
        elif line.startswith(b"PASV"):
            control.sendall(b"227 (10,0,2,10,%d,%d)\\r\\n" % (port >> 8, port & 255))
        elif line.startswith(b"PORT"):
            *address, high, low = line.split()[1].decode().split(",")
            control.sendall(b"200 there\\r\\n")
        elif line.startswith(b"NLST") and MODE == "active":
            control.sendall(b"150 here it comes\\r\\n")
            while int.from_bytes(fcntl.ioctl(control, SIOCOUTQ, bytes(4)), "little"):
                pass  # until the client has what was said
            with socket.create_connection((".".join(address), int(high) * 256 + int(low))) as channel:
                LIST
            control.sendall(b"226 that was it\\r\\n")
        elif line.startswith(b"NLST"):
            control.sendall(b"150 here it comes\\r\\n226 that was it\\r\\n")
            with data.accept()[0] as channel:
                LIST
        else:
            control.sendall(b"221 bye\\r\\n")
            return

server = socket.create_server(("0.0.0.0", 21))
while True:
    with server.accept()[0] as control:
        try:
            talk(control)
        except OSError:
            pass
"""


def asked(listing: str, mode: str = "passive", *, greeting: str = "220 hello") -> Verdict:
    """The verdict of a session with a server that lists so."""
    spoken = SERVER.replace("LIST", listing).replace("MODE", repr(mode)).replace("220 hello", greeting)
    program = {"run": [str(Path(sys.executable).resolve()), "-c", spoken], "ready": "tcp/21"}
    topology = Topology.model_validate(corridor(server={"programs": [program]}))
    policy = Rulesets(v4=rendered("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n"))
    with Lab(topology, {"gateway": policy}) as lab:
        return lab.probe("client", "server", f"ftp/{mode}")


def test_a_list_with_a_name_is_a_session() -> None:
    assert asked('channel.sendall(b"a name\\r\\n")').allowed


def test_a_server_may_connect_after_it_said_so() -> None:
    verdict = asked('channel.sendall(b"a name\\r\\n")', "active")
    assert verdict.allowed, verdict.proof


def test_what_is_no_reply_is_told() -> None:
    assert asked("pass", greeting="SSH-2.0-x").proof.endswith("what the server says is no reply of FTP: SSH-2.0-x")
    assert asked("pass", greeting="500 go away").proof.endswith("the client was answered 500 go away")


def test_a_list_that_is_empty_carried_nothing() -> None:
    verdict = asked("pass")
    assert verdict.kind is Kind.UNANSWERED
    assert "is unanswered: it carried nothing, as the server's list is empty" in verdict.proof


def test_a_list_that_never_ends_is_not_waited_for() -> None:
    verdict = asked("while True: channel.sendall(bytes(1 << 16))")
    assert verdict.kind is Kind.UNANSWERED
    assert "is unanswered: its end did not come" in verdict.proof
