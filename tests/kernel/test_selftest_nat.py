"""What the kernel's own nft_nat.sh documents of each translation, in both families, by nft's own rules and by iptables.

What is not translated stays; what is goes where it is sent, comes back by itself, and ends with its rule.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace

import pytest

from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import ICMP, ICMPV6, Datagram, Echo, Handshake, Question
from lab.record.observation import Observation
from lab.record.verdict import Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.dual import CLIENT_6, FAR_6, NEAR_6, SERVER_6, dual
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, rendered, rulesets, table, topology
from tests.kernel.test_reverse_clash import bound

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

ADDRESSES = {4: (CLIENT, NEAR, FAR, SERVER), 6: (CLIENT_6, NEAR_6, FAR_6, SERVER_6)}
ECHO = {4: Echo(ICMP), 6: Echo(ICMPV6)}
HOOKS = {"PREROUTING": "dstnat", "OUTPUT": "-100", "POSTROUTING": "srcnat"}
WORDS = {"-o right": 'oifname "right"', "-i left": 'iifname "left"', "-p tcp": "meta l4proto tcp"}
EACH = pytest.mark.parametrize("of", ["own family", "inet", "nft", "legacy"])
BOTH = pytest.mark.parametrize("family", [4, 6])


def nat(of: str, family: int, chain: str, asks: str, does: str) -> Rulesets:
    """One rule of nat as somebody writes it for nft, in a table of the ``own family`` or of both, or for iptables."""
    if of in ("nft", "legacy"):
        text = table("nat", f"-A {chain} {asks} -j {does}")
        return rulesets(text if family == 4 else None, v6=text if family == 6 else None)
    ip = "ip" if family == 4 else "ip6"
    words = asks.replace("-d ", f"{ip} daddr ")
    for word, other in WORDS.items():
        words = words.replace(word, other)
    target, _, to = does.partition(" ")
    how = {"DNAT": f"dnat {ip if of == 'inet' else ''} to {to.removeprefix('--to-destination ')}", "REDIRECT": "redirect"}
    statement = how.get(target) or f"masquerade {to.removeprefix('--').replace('random-fully', 'fully-random')}"
    hook = f"type nat hook {chain.lower()} priority {HOOKS[chain]}"
    own = f"table {'inet' if of == 'inet' else ip} translated {{ chain of_nat {{ {hook}; {words} {statement}; }}; }}\n"
    return Rulesets(nft=rendered(own, "gateway.nft"))


def lab_with(rules: Rulesets, of: str = "nft") -> Lab:
    return Lab(topology(dual()), {"gateway": rules}, backend=Backend.LEGACY if of == "legacy" else Backend.NFT)


def nothing(of: str) -> Rulesets:
    if of in ("nft", "legacy"):
        return rulesets(table("filter"), v6=table("filter"))
    return Rulesets(nft=rendered("table inet empty { }\n", "gateway.nft"))


def seen(verdict: Verdict | Observation) -> tuple[str, str, str]:
    """Where it arrived, at which address, and from whom."""
    came = verdict.arrived
    assert came is not None, verdict
    return came.at, came.address, came.source


@EACH
@BOTH
def test_what_the_gateway_itself_asks_goes_elsewhere_until_the_rule_is_gone(of: str, family: int) -> None:
    client, near, _, server = ADDRESSES[family]
    asked = Question("gateway", near, client, ECHO[family], receivers=(("client", None), ("server", None)))
    with lab_with(nat(of, family, "OUTPUT", f"-d {client}", f"DNAT --to-destination {server}"), of) as lab:
        verdict = lab.ask(asked, "gateway")
        assert verdict.allowed, verdict.proof
        assert seen(verdict)[:2] == ("server", server)
        lab.load("gateway", nothing(of))
        after = lab.ask(asked, "gateway")
    assert after.allowed, after.proof
    assert seen(after) == ("client", client, near)


@pytest.mark.parametrize("family", [4, 6])
def test_a_port_alone_is_translated_and_no_address(family: int) -> None:
    client, near, *_ = ADDRESSES[family]
    script = "table inet t { chain o { type nat hook output priority -100; meta l4proto tcp dnat to :2000; }; }\n"
    asked = Question("gateway", near, client, Handshake(80), receivers=(("client", 2000),))
    with lab_with(Rulesets(nft=rendered(script, "gateway.nft"))) as lab:
        verdict = lab.ask(asked, "gateway")
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert (seen(verdict), verdict.arrived.port) == (("client", client, near), 2000)


@pytest.mark.parametrize("random", ["", " --random-fully"], ids=["plain", "random"])
@EACH
@BOTH
def test_who_is_masqueraded_is_not_seen(of: str, family: int, random: str) -> None:
    client, _, far, server = ADDRESSES[family]
    asked = Question("client", client, server, ECHO[family], receivers=(("server", None),))
    with lab_with(nothing(of), of) as lab:
        assert seen(lab.ask(asked, "gateway")) == ("server", server, client)
        lab.load("gateway", nat(of, family, "POSTROUTING", "-o right", f"MASQUERADE{random}"))
        for _ in ("first", "again"):
            verdict = lab.ask(asked, "gateway")
            assert verdict.allowed, verdict.proof
            assert seen(verdict) == ("server", server, far)
        handshake = lab.ask(replace(asked, sends=Handshake(80), receivers=(("server", 80),), sport=40_000), "gateway")
    assert handshake.allowed, handshake.proof
    assert handshake.arrived is not None
    assert random or handshake.arrived.sport == 40_000  # at random it may be any, this one too


@EACH
@BOTH
def test_what_is_redirected_the_gateway_answers(of: str, family: int) -> None:
    client, near, _, server = ADDRESSES[family]
    asked = Question("client", client, server, ECHO[family], receivers=(("server", None), ("gateway", None)))
    with lab_with(nat(of, family, "PREROUTING", f"-i left -d {server}", "REDIRECT"), of) as lab:
        verdict = lab.ask(asked, "gateway")
    assert verdict.allowed, verdict.proof
    assert seen(verdict) == ("gateway", near, client)


SHADOWED = table("nat", "-A POSTROUTING -o left -j MASQUERADE")
RAW = table("raw", "-A PREROUTING -i left -p udp --dport 1405 -j NOTRACK", "-A OUTPUT -o left -p udp --sport 1405 -j NOTRACK")
PAT = table("nat", "-A POSTROUTING -o left -p udp -j MASQUERADE --to-ports 1406-65535 --random")
MENDS = {
    "nothing": (SHADOWED, "server"),
    "a filter": (SHADOWED + table("filter", "-A FORWARD -i right -p udp --sport 1405 -j DROP"), "gateway"),
    "notrack": (SHADOWED + RAW, "gateway"),
    "another port": (PAT, "gateway"),
}


@pytest.mark.parametrize("mend", MENDS)
def test_a_port_of_the_gateway_in_the_shadow_of_a_flow_from_inside(mend: str, backend: Backend) -> None:
    """Who sends from a port that the gateway serves, to a port that somebody will ask from, gets what they ask."""
    rules, who = MENDS[mend]
    shadow = Question("server", SERVER, CLIENT, Datagram(41404), sport=1405)
    asked = Question("client", CLIENT, NEAR, Datagram(1405), sport=41404, receivers=(("gateway", 1405),))
    with ExitStack() as open_:
        lab = open_.enter_context(Lab(topology(dual()), {"gateway": rulesets(rules)}, backend=backend))
        open_.enter_context(lab.batch())
        of_inside, of_outside = (open_.enter_context(Conversation(lab.stage, each)) for each in (shadow, asked))
        of_inside.send()
        step = of_outside.send()
    assert step is not None
    at = "gateway" if step.arrived is not None else "server" if to(step) == (SERVER, 1405) else "nobody"
    assert at == who


def to(step: Observation) -> tuple[str, int | None] | None:
    """What it is for when it has left the gateway."""
    left = next((path.exit for path in step.request if path.node == "gateway"), None)
    return None if left is None else (left.destination, left.dport)


STATELESS = f"""table ip stateless {{
    map in {{ typeof iifname . ip saddr . ip daddr : ip daddr; elements = {{ "left" . {CLIENT} . {SERVER} : 10.0.1.2 }} }}
    map out {{ typeof iifname . ip saddr . ip daddr : ip daddr; elements = {{ "right" . {SERVER} . 10.0.1.2 : {CLIENT} }} }}
    chain first {{
        type filter hook prerouting priority -400
        ip saddr set iifname . ip saddr . ip daddr map @in
        ip daddr set iifname . ip saddr . ip daddr map @out
    }}
}}
"""


@pytest.mark.parametrize("sends", [Echo(ICMP), Datagram(4233), Handshake(80)], ids=["echo", "udp", "tcp"])
def test_an_address_is_exchanged_without_conntrack(sends: Echo | Datagram | Handshake) -> None:
    asked = Question("client", CLIENT, SERVER, sends, receivers=(("server", sends.port),))
    with lab_with(Rulesets(nft=rendered(STATELESS, "gateway.nft"))) as lab:
        verdict = lab.ask(asked, "gateway")
    assert verdict.allowed, verdict.proof
    assert seen(verdict) == ("server", SERVER, "10.0.1.2")
    assert not verdict.observation.conntrack


def test_an_address_of_fragments_is_exchanged_too() -> None:
    """Before conntrack nothing is put together: each fragment is translated by itself."""
    asked = Question("client", CLIENT, SERVER, Datagram(4233), receivers=(("server", 4233),), payload=bytes(4000))
    with lab_with(Rulesets(nft=rendered(STATELESS, "gateway.nft"))) as lab:
        verdict = lab.ask(asked, "gateway")
    assert verdict.allowed, verdict.proof
    assert seen(verdict) == ("server", SERVER, "10.0.1.2")


def test_one_asks_by_the_translated_address_and_then_by_the_true_one(backend: Backend) -> None:
    """From one port: both flows become alike behind the translation, and each hears its own answer."""
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 16):
        pytest.skip("before Linux 6.16 the second flow is dropped, as it cannot be told from the first")
    rules = table("nat", f"-A PREROUTING -d {FAR} -p udp --dport 1234 -j DNAT --to-destination {NEAR}:1234")
    with ExitStack() as open_:
        lab = open_.enter_context(Lab(topology(dual()), {"gateway": rulesets(rules)}, backend=backend))
        client = open_.enter_context(bound(lab.network.nodes["client"], (CLIENT, 4321)))
        server = open_.enter_context(bound(lab.network.nodes["gateway"], (NEAR, 1234)))
        for address in (FAR, NEAR):
            client.sendto(b"ask", (address, 1234))
            asked, who = server.recvfrom(16)
            server.sendto(address.encode(), who)
            assert client.recvfrom(16) == (address.encode(), (address, 1234))
            assert (asked, who[0]) == (b"ask", CLIENT)
