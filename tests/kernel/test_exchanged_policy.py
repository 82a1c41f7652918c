"""A policy is exchanged under a flow that is open and under packets that are under way: nothing that happens is missed."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from itertools import groupby

import pytest

from lab.errors import InputError
from lab.kernel.hold.line_map import find_lines
from lab.kernel.stage.baseline import write_sysctls
from lab.kernel.stage.rest import Pin
from lab.probe.conversation import Conversation
from lab.probe.question import Handshake, Question
from lab.record.observation import Observation
from lab.record.path import Path
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from lab.verdict.prove import prove
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, rulesets, table, two_gateways

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WEB = "-A FORWARD -p tcp --dport 80 -m comment --comment web -j ACCEPT"
NO_WEB = "-A FORWARD -p tcp --dport 80 -m comment --comment no-web -j DROP"
OPEN = table("filter", ESTABLISHED, WEB, FORWARD="DROP")
SHUT = table("filter", ESTABLISHED, NO_WEB, FORWARD="DROP")  # in the place, and by the number, of the other


def rule_of(verdict: Verdict) -> tuple[Kind, str | None, str | None]:
    assert verdict.rule is not None
    return verdict.kind, verdict.rule.comment, verdict.rule.source


def proven(step: Observation | None) -> Verdict:
    assert step is not None
    return prove(step, "gateway")


def test_a_flow_that_is_open_outlives_the_rule_that_let_it_in_until_its_entry_is_gone(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=OPEN)
    asked = Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),))
    gateway = lab.network.nodes["gateway"]
    with lab.batch(), Conversation(lab.stage, asked) as talk:
        steps = [opened := talk.open(), talk.send(), talk.answer()]
        lab.load("gateway", rulesets(SHUT))
        steps += [talk.send(), talk.answer()]
        anew = lab.ask(replace(asked, receivers=()), "gateway")
        write_sysctls("gateway", gateway.namespace, {"net.netfilter.nf_conntrack_tcp_loose": "0"})
        assert opened is not None
        lab.instrument.nodes["gateway"].conntrack.delete(opened.request[0].entry)
        stray = proven(talk.send())
    verdicts = [proven(step) for step in steps]
    assert [seen.kind for seen in verdicts] == [Kind.ALLOWED] * 5
    assert [seen.rule and seen.rule.comment for seen in verdicts] == ["web", *["answers"] * 4]
    shut = Kind.DROPPED, "no-web", f"gateway.rules:{SHUT.splitlines().index(NO_WEB) + 1}"
    assert (rule_of(anew), rule_of(stray), stray.packet) == (shut, shut, "segment")


def test_what_is_said_of_the_rules_is_said_of_those_in_force(lab_of: LabOf) -> None:
    """What follows from the rules, as whether one remembers, is found anew."""
    once = table("filter", "-A FORWARD -p tcp -m limit --limit 1/day --limit-burst 1 -j ACCEPT")
    lab = lab_of(corridor(), gateway=OPEN)
    remembers = []
    for policy in (OPEN, once, OPEN):
        lab.load("gateway", rulesets(policy))
        verdict = lab.probe("client", "server", "tcp/80")
        remembers.append((lab.site.held.memories.any, verdict.observation.fully_traced))
    assert remembers == [(False, False), (True, True), (False, False)]


def test_a_node_that_held_nothing(lab_of: LabOf) -> None:
    lab = lab_of(corridor())
    assert lab.probe("client", "server", "tcp/80").allowed
    lab.load("gateway", rulesets(SHUT))
    lab.load("server", rulesets(table("filter", "-A INPUT -p udp -m comment --comment mine -j DROP"), name="server"))
    assert rule_of(lab.probe("client", "server", "tcp/80", at="gateway"))[:2] == (Kind.DROPPED, "no-web")
    lab.load("gateway", rulesets(OPEN + table("mangle", "-A FORWARD -p udp -j ACCEPT")))
    assert lab.probe("client", "server", "tcp/80", at="gateway").allowed


def test_a_node_that_is_none(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=OPEN)
    with pytest.raises(InputError, match="no node is called 'gatway'; the nodes are client, gateway, server"):
        lab.load("gatway", rulesets(SHUT))


def test_no_packet_of_a_stream_is_missed(lab_of: LabOf) -> None:
    """A thread sends without a pause while the rules are exchanged, each datagram to another port."""
    before = table("filter", "-A FORWARD -p udp -m comment --comment before -j DROP", FORWARD="DROP")
    after = table("filter", "-A FORWARD -p tcp -j DROP", "-A FORWARD -p udp -m comment --comment after -j DROP", FORWARD="DROP")
    lab = lab_of(corridor(), gateway=before)
    sent: list[int] = []
    enough = threading.Event()

    def stream() -> None:
        with lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            while not enough.wait(0.0005):
                sent.append(1000 + len(sent))
                channel.sendto(b"stream", (SERVER, sent[-1]))

    with Pin():  # the thread too, so that to bring the network to rest is to bring its packets to rest
        lab.instrument.paths()
        sender = threading.Thread(target=stream)
        sender.start()
        while len(sent) < 5:
            enough.wait(0.001)
        lab.load("gateway", rulesets(after))
        loaded = len(sent)
        while len(sent) < loaded + 5:
            enough.wait(0.001)
        enough.set()
        sender.join()
        lab.network.rest()
        paths = [path for path in lab.instrument.paths() if path.entry.dport in set(sent)]
    assert [path.entry.dport for path in paths] == sent
    named = [name for name, _ in groupby(map(comment_of, paths))]
    assert named in (["before", "after"], ["before", "either", "after"]), named
    assert [comment_of(path) for path in paths[loaded:]] == ["after"] * len(sent[loaded:])


def test_what_was_told_before_is_given_by_a_node_that_has_nothing_new_to_tell(lab_of: LabOf) -> None:
    rules = table("filter", "-A FORWARD -p udp --dport 1000 -j ACCEPT")
    lab = lab_of(two_gateways(), gateway=rules, second=rules)
    with Pin(), lab.network.nodes["client"].socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        lab.instrument.paths()
        channel.sendto(b"before", (SERVER, 1000))
        lab.load("second", rulesets(rules))
        lab.network.rest()
        told = [path.node for path in lab.instrument.paths() if path.entry.dport == 1000]
        assert sorted(told) == ["gateway", "second"]
        assert not lab.instrument.paths()


def comment_of(path: Path) -> str:
    """The rule that dropped the datagram; of one that may have met either policy, which had other rules in its place."""
    rule = path.dropped_by or path.steps[-1].rule
    assert rule is not None
    if "since the rules were exchanged" in rule.text:
        return "either"
    assert rule.comment is not None
    return rule.comment


def test_two_loads_with_lines_that_are_known(lab_of: LabOf, backend: Backend) -> None:
    """Lines that were found before are found by nobody again: no namespace is made for that."""
    lab = lab_of(corridor(), gateway=OPEN)
    known = find_lines(lab.topology, {"gateway": rulesets(SHUT)}, backend)
    with lab.batch():
        for _ in range(2):
            lab.load("gateway", rulesets(SHUT), known["gateway"])
            assert rule_of(lab.probe("client", "server", "tcp/80"))[1] == "no-web"
