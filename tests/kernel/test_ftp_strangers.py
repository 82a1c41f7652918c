"""Servers that say that all is well when it is not: what they sent is what counts."""

from __future__ import annotations

import signal
import sys
from itertools import count
from pathlib import Path

import pytest

from lab.errors import MeasurementError
from lab.lab import Lab
from lab.probe.session import awaited
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology
from tests.kernel.scenes import corridor, rendered

pytestmark = pytest.mark.kernel

SERVER = """
import fcntl, signal, socket

SIOCOUTQ = 0x5411  # linux/sockios.h: how much of what was said is unacknowledged
LOOK = {signal.SIGRTMIN}  # the network was at rest, and the client may look; these are queued
signal.pthread_sigmask(signal.SIG_BLOCK, LOOK)

def late(control):
    while int.from_bytes(fcntl.ioctl(control, SIOCOUTQ, bytes(4)), "little"):
        pass  # until the client has what was said
    while signal.sigtimedwait(LOOK, 0):
        pass  # until it has nothing else to look for
    for _ in range(5):
        signal.sigwait(LOOK)

def done(control):
    late(control)
    print("that is all", flush=True)
    control.recv(1)

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
            late(control)
            with socket.create_connection((".".join(address), int(high) * 256 + int(low))) as channel:
                LIST
            control.sendall(b"WELL")
        elif line.startswith(b"NLST"):
            control.sendall(b"150 here it comes\\r\\nWELL")
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


def asked(
    listing: str, mode: str = "passive", *, greeting: str = "220 hello", well: str = r"226 that was it\r\n", rule: str = ""
) -> Verdict:
    """The verdict of a session with a server that lists so, and says that all is ``well`` before it, or after it if active.

    What it does ``late`` it does when the client has waited for it in a network that was at rest, several times; once it is
    ``done`` the clock that the client waits by runs fast.
    """
    spoken = SERVER.replace("LIST", listing).replace("MODE", repr(mode)).replace("220 hello", greeting).replace("WELL", well)
    program = {"run": [str(Path(sys.executable).resolve()), "-c", spoken], "ready": "tcp/21"}
    topology = Topology.model_validate(corridor(server={"programs": [program]}))
    policy = Rulesets(v4=rendered(f"*filter\n:FORWARD DROP [0:0]\n{rule}-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n"))
    with Lab(topology, {"gateway": policy}) as lab, pytest.MonkeyPatch.context() as patch:
        rest, programs, hours = lab.network.rest, lab.site.programs, count(step=3600.0)
        assert programs is not None
        server = programs._running[0]

        def rest_and_tell() -> None:
            rest()
            server.process.signal(signal.SIGRTMIN)

        patch.setattr(lab.network, "rest", rest_and_tell)
        patch.setattr(awaited, "monotonic", lambda: next(hours) if "that is all" in server.process.output() else 0.0)
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


def test_the_end_of_a_list_may_come_after_the_server_said_that_all_is_well() -> None:
    verdict = asked('late(control); channel.sendall(b"a name\\r\\n"); late(control)')
    assert verdict.allowed, verdict.proof
    verdict = asked(r'control.sendall(b"226 well\r\n"); late(control); channel.sendall(b"a name\r\n")', "active", well="")
    assert verdict.allowed, verdict.proof


@pytest.mark.parametrize("mode", ["passive", "active"])
def test_an_empty_list_that_ends_late_is_empty(mode: str) -> None:
    well = r'control.sendall(b"226 well\r\n"); ' if mode == "active" else ""
    verdict = asked(f"{well}late(control)", mode, well=r"226 well\r\n" if mode == "passive" else "")
    assert verdict.kind is Kind.UNANSWERED
    assert "is unanswered: it carried nothing, as the server's list is empty" in verdict.proof


def test_a_server_that_cannot_say_that_all_is_well_before_its_list_is_taken() -> None:
    """More than both ends have room for, and then the word that it was sent."""
    verdict = asked('channel.sendall(b"a name\\r\\n" * 1_500_000)', "active")
    assert verdict.allowed, verdict.proof


def test_a_list_too_long_is_not_waited_for_though_the_server_says_nothing_of_it() -> None:
    verdict = asked("while True: channel.sendall(bytes(1 << 16))", "active")
    assert verdict.kind is Kind.UNANSWERED
    assert "is unanswered: its end did not come" in verdict.proof
    assert "all is well" not in verdict.proof


@pytest.mark.parametrize("mode", ["passive", "active"])
def test_an_end_that_a_rule_drops_is_not_waited_for(mode: str) -> None:
    """The server's FIN, on the data connection alone."""
    rule = "-A FORWARD -s 10.0.2.10 -p tcp ! --sport 21 --tcp-flags FIN FIN -j DROP\n"
    verdict = asked('channel.sendall(b"a name\\r\\n")', mode, rule=rule)
    assert verdict.kind is Kind.UNANSWERED
    assert verdict.stopped_by is not None
    assert verdict.stopped_by.number == 1


@pytest.mark.parametrize(
    ("listing", "well", "told"),
    [
        ('channel.sendall(b"a name\\r\\n"); channel.close(); done(control)', "", "answered NLST by nothing within 60 s"),
        ("done(control)", r"226 well\r\n", "did not end its data connection, of which it said that all is well, within 60 s"),
    ],
)
def test_what_a_server_never_does_is_no_verdict(listing: str, well: str, told: str) -> None:
    with pytest.raises(MeasurementError, match=told):
        asked(listing, well=well)
