"""What conntrack makes of a packet, proven by the rule that asks for its state, on both iptables and in native nft."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.kernel.ground.headers import checksum, ip_header
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Handshake, Question
from lab.record.observation import Observation
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.verdict.prove import prove
from tests.kernel.scenes import CLIENT, SERVER, corridor, rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel

STATES = ("INVALID", "ESTABLISHED", "RELATED", "UNTRACKED", "NEW")
IPTABLES = table("raw", "-A PREROUTING -p udp --dport 90 -j CT --notrack") + table(
    "filter",
    *(
        f"-A FORWARD -m conntrack --ctstate {one} -m comment --comment {one} -j {'DROP' if one == 'INVALID' else 'ACCEPT'}"
        for one in STATES
    ),
    FORWARD="DROP",
)
NATIVE = f"""table inet made {{
    chain first {{
        type filter hook prerouting priority raw
        udp dport 90 notrack
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        {"; ".join(f'ct state {s.lower()} {"drop" if s == "INVALID" else "accept"} comment "{s}"' for s in STATES)}
    }}
}}
"""
WEB = Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),))
DNS = Question("client", CLIENT, SERVER, Datagram(53), receivers=(("server", 53),))
SILENT = table("filter", "-A INPUT -p tcp --dport 22 -j DROP")


@pytest.fixture(params=["nft", "legacy", "native"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The corridor behind a policy that asks for each state; the server says nothing at port 22."""
    backend = Backend.LEGACY if request.param == "legacy" else Backend.NFT
    policy = Rulesets(nft=rendered(NATIVE, "gateway.nft")) if request.param == "native" else rulesets(IPTABLES)
    with Lab(topology(corridor()), {"gateway": policy, "server": rulesets(SILENT, name="server")}, backend=backend) as made:
        yield made


def state(observation: Observation | None) -> tuple[Kind, str | None]:
    """What became of a packet, and which rule said it at the gateway."""
    assert observation is not None
    verdict = prove(observation, "gateway")
    return verdict.kind, verdict.rule.comment if verdict.rule is not None else None


def words(observation: Observation | None) -> list[tuple[str, tuple[str, ...]]]:
    """What the gateway's table says of the flow."""
    assert observation is not None
    return [(one.state, tuple(word for word in one.words if word != "CONFIRMED")) for one in observation.conntrack]


def test_a_connection_is_new_and_then_established(lab: Lab) -> None:
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        steps = [talk.open(), talk.send(), talk.answer()]
    assert [state(step) for step in steps] == [(Kind.ALLOWED, "NEW"), *[(Kind.ALLOWED, "ESTABLISHED")] * 2]
    assert words(steps[0]) == [("ESTABLISHED", ("SEEN_REPLY", "ASSURED"))]


def test_datagrams_are_unreplied_until_one_comes_back(lab: Lab) -> None:
    with lab.batch(), Conversation(lab.stage, DNS) as talk:
        sent, answered, again = talk.send(), talk.answer(), talk.send()
    assert [state(step)[1] for step in (sent, answered, again)] == ["NEW", "ESTABLISHED", "ESTABLISHED"]
    assert (words(sent), words(answered)) == ([("NEW", ("UNREPLIED",))], [("ESTABLISHED", ("SEEN_REPLY",))])


@pytest.mark.parametrize("flags", ["syn ack", "syn fin", "none", "fin psh urg", "fin", "rst"])
def test_what_begins_no_connection_is_invalid(lab: Lab, flags: str) -> None:
    verdict = lab.probe("client", "server", "tcp/80", flags=flags, at="gateway")
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.DROPPED, "INVALID"), verdict.proof
    assert verdict.observation.conntrack == ()


def test_an_ack_picks_a_connection_up(lab: Lab) -> None:
    verdict = lab.probe("client", "server", "tcp/80", flags="ack", at="gateway")
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.ALLOWED, "NEW"), verdict.proof


def test_an_error_about_a_flow_is_related_to_it(lab: Lab) -> None:
    verdict = lab.ask(replace(DNS, receivers=()), "gateway")
    assert (verdict.kind, verdict.rule and verdict.rule.comment) == (Kind.CLOSED, "NEW"), verdict.proof
    (error,) = [path for path in verdict.observation.others if path.node == "gateway" and path.entry.proto == 1]
    assert [step.rule.comment for step in error.steps if step.rule is not None and step.rule.comment] == ["RELATED"]


def test_what_is_not_tracked_has_no_entry(lab: Lab) -> None:
    with lab.batch(), Conversation(lab.stage, replace(DNS, sends=Datagram(90), receivers=(("server", 90),))) as talk:
        sent = talk.send()
    assert (state(sent), words(sent)) == ((Kind.ALLOWED, "UNTRACKED"), [])


def test_a_handshake_that_nobody_answers_is_syn_sent(lab: Lab) -> None:
    verdict = lab.ask(replace(WEB, sends=Handshake(22), receivers=()), "gateway")
    assert verdict.kind is Kind.DROPPED
    assert verdict.node == "server"
    with lab.everything_traced():
        verdict = lab.ask(replace(WEB, sends=Handshake(22), receivers=()), "gateway")
    assert words(verdict.observation) == [("SYN_SENT", ("UNREPLIED",))]


def test_a_segment_out_of_the_window_is_invalid(lab: Lab) -> None:
    heard = lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with heard, lab.batch(), Conversation(lab.stage, WEB) as talk:
        talk.open()
        lab.network.rest()
        lab.instrument.paths()
        with lab.instrument.everything(), lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_RAW, 255) as raw:
            raw.sendto(far_away(heard.recv(100)[20:]), (SERVER, 0))
            lab.network.rest()
            (path,) = [one for one in lab.instrument.paths() if one.node == "gateway"]
        sent = talk.send()
    assert [step.rule.comment for step in path.steps if step.rule is not None and step.rule.comment] == ["INVALID"]
    assert state(sent) == (Kind.ALLOWED, "ESTABLISHED"), "the connection goes on"


def far_away(syn_ack: bytes) -> bytes:
    """What the client might send after the server's SYN-ACK, but a thousand million bytes beyond the server's window."""
    source, destination = socket.inet_aton(CLIENT), socket.inet_aton(SERVER)
    port, sport, begun, awaited = struct.unpack_from("!HHII", syn_ack)
    numbers = (awaited + 1_000_000_000) % 2**32, (begun + 1) % 2**32
    head = struct.pack("!HHIIBBHHH", sport, port, *numbers, 5 << 4, 0x18, 0xFFFF, 0, 0)
    pseudo = source + destination + b"\0\x06" + (len(head) + 4).to_bytes(2)
    head = head[:16] + checksum(pseudo + head + b"data").to_bytes(2) + head[18:]
    return ip_header(source, destination, 6, len(head) + 4) + head + b"data"
