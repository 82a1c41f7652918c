"""What a node tracks while flows are held open: its whole table, in all zones, and what became of each flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from lab.errors import InputError
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import ICMP, Datagram, Echo, Handshake, Question, Sends, Wants
from lab.record.tracked import ConntrackReport, Tracked
from lab.study.tracked import Held, held_open
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, NEAR, SERVER, corridor, table
from tests.kernel.test_isolation import entries

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

POLICY = (
    table("raw", "-A PREROUTING -p udp --dport 70 -j CT --zone-orig 7", "-A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
          "-A PREROUTING -p udp -m multiport --ports 90 -j CT --notrack")
    + table("nat", f"-A PREROUTING -d {NEAR} -p tcp --dport 443 -j DNAT --to-destination {SERVER}:8443",
            "-A POSTROUTING -o right -p udp --dport 53 -j MASQUERADE")
    + table("mangle", "-A PREROUTING -p icmp -j CONNMARK --set-mark 5",
            "-A FORWARD -p udp --dport 53 -m connlabel --label 3 --set")
    + table("filter", ESTABLISHED, "-A FORWARD -p tcp --dport 22 -j DROP", "-A FORWARD -i left -j ACCEPT",
            "-A FORWARD -p udp --sport 90 -j ACCEPT", FORWARD="DROP")
)  # fmt: skip


def held(lab: Lab, *sends: Sends, first: int | None = None) -> ConntrackReport:
    """The gateway's table while the client has these open with the server, by the gateway's own address that is port 443."""

    def wanted() -> Iterator[Held]:
        for one in sends:
            published = one == Handshake(443)
            receivers = (("server", 8443 if published else one.port),)
            yield Held(str(one), Question("client", CLIENT, NEAR if published else SERVER, one, receivers=receivers))

    return held_open(lab, "gateway", [*wanted()], first)


def by_port(report: ConntrackReport) -> dict[int | None, Tracked]:
    return {entry.original.dport if entry.original.proto != ICMP else None: entry for entry in report.table.shown}


def test_all_that_is_held_open_is_in_the_table(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=POLICY)
    report = held(lab, Handshake(443), Handshake(21), Datagram(53), Datagram(70), Echo(ICMP))
    found = by_port(report)
    assert (report.table.entries, report.exit_code, [flow.passed for flow in report.flows]) == (5, 0, [True] * 5)
    assert found.keys() == {443, 21, 53, 70, None}
    web, dns = found[443], found[53]
    assert (web.state, web.status, web.answered_by, web.seen_as) == ("ESTABLISHED", ("ASSURED",), (SERVER, 8443), None)
    assert (dns.seen_as, dns.labels, dns.answered) == ((FAR, dns.original.sport), ("3",), True)
    assert (found[21].helper, found[70].zone_orig, found[70].zone_reply, found[None].mark) == ("ftp", 7, 0, 5)
    assert entries(lab.network.nodes["gateway"]) == 0, "all of it is forgotten"


def test_what_did_not_get_through_is_told_and_what_is_not_tracked(lab_of: LabOf) -> None:
    report = held(lab_of(corridor(), gateway=POLICY), Handshake(22), Datagram(90), Handshake(80))
    assert [(flow.passed, flow.tracked) for flow in report.flows] == [(False, False), (True, False), (True, True)]
    assert str(report.flows[0].verdict.kind) == "dropped"
    assert [one.what for one in report.table.by_service] == ["tcp/80"]


def test_more_than_are_shown_are_counted(lab_of: LabOf) -> None:
    report = held(lab_of(corridor(), gateway=POLICY), *[Datagram(port) for port in range(1000, 1030)], first=4)
    assert (len(report.table.shown), report.table.entries, report.table.services) == (4, 30, 30)


def test_what_a_row_counts_is_what_connlimit_counts(lab_of: LabOf) -> None:
    limit = "-A FORWARD -p udp -m connlimit --connlimit-above 2 --connlimit-saddr -m comment --comment limit -j DROP"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, limit))
    one = Question("client", CLIENT, SERVER, Datagram(53), receivers=(("server", 53),), wants=Wants(entry_count=True))
    back = replace(one, node="server", source=SERVER, destination=CLIENT, receivers=(("client", 53),))
    others = replace(one, sends=Handshake(80), receivers=(("server", 80),)), back
    counts = []
    with lab.batch(), ExitStack() as open_:
        for other in others:
            talk = open_.enter_context(Conversation(lab.stage, other))
            talk.open()
            talk.send()
        for _ in range(3):
            sent = open_.enter_context(Conversation(lab.stage, one)).send()
            assert sent is not None
            counts.append([entry.of_source for entry in sent.conntrack])
    assert counts == [[1], [2], []], "the third is one more than the limit; other protocols and sources do not count"


def test_a_node_that_tracks_nothing_has_no_table(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=POLICY)
    with pytest.raises(InputError, match=r"server is no node that .*\n.*--at one of gateway"):
        held_open(lab, "server", [], None)


def test_there_is_a_bound_to_what_is_held_open(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=POLICY)
    with pytest.raises(InputError, match="1,001 flows, and 1,000 can be held open"):
        held(lab, *[Datagram(port) for port in range(1, 1002)])
