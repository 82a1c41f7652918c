"""What rules hand to a queue of user space that the topology has a reader for: where it goes on, and where it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError, MeasurementError
from lab.kernel.watch.queues import Queues
from lab.lab import Lab
from lab.record.path import End
from lab.record.sweep import Gear
from lab.record.verdict import Kind
from lab.report.path import describe_path
from lab.ruleset.backend import Backend
from lab.site import Site
from lab.written.queues import Reader
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rulesets, table, topology
from tests.kernel.sweeps import differences

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]
TO_3 = "-A FORWARD -i left -m comment --comment to-ips -j NFQUEUE --queue-num 3"
BOTH_WAYS = "-A FORWARD -j NFQUEUE --queue-num 3"


def read(**queues: Any) -> dict[str, Any]:
    return corridor(gateway={"queues": queues})


@pytest.mark.parametrize("service", SERVICES)
def test_what_its_reader_accepts_goes_on_as_one_path(lab_of: LabOf, service: str) -> None:
    lab = lab_of(read(accept=3), gateway=table("filter", BOTH_WAYS))
    verdict = lab.probe("client", "server", service)
    assert verdict.allowed, verdict.proof
    (path,) = verdict.path
    assert [(step.verdict, step.rule and step.rule.place) for step in path.steps] == [("queue 3 accept", "filter:FORWARD:1")]
    assert (path.end, path.out, str(verdict.rule)) == (End.LEFT, "right", "gateway filter:FORWARD:1")
    (back,) = verdict.observation.answer
    assert (back.steps[-1].verdict, back.end) == ("queue 3 accept", End.LEFT)
    assert any("filter FORWARD:1 NFQUEUE 3 accept" in line for line in describe_path(verdict.path))


@pytest.mark.parametrize("service", SERVICES)
def test_what_its_reader_drops_is_dropped_by_the_rule_that_handed_it_over(lab_of: LabOf, service: str) -> None:
    lab = lab_of(read(drop="0-3"), gateway=table("filter", TO_3))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.passed_node, verdict.rule and verdict.rule.comment) == (Kind.DROPPED, False, "to-ips")
    assert "to queue 3 of user space, and its reader there dropped it" in verdict.proof
    assert "dropped by the reader of queue 3, handed over by filter:FORWARD:1" in describe_path(verdict.path)[-1]


def test_a_queue_that_none_reads_is_told_beside_one_that_is_read(lab_of: LabOf) -> None:
    lab = lab_of(read(accept=4), gateway=table("filter", TO_3))
    verdict = lab.probe("client", "server", "udp/443")
    assert (verdict.kind, verdict.node) == (Kind.CONSUMED, "gateway")
    assert "to queue 3 of user space, by gateway filter:FORWARD:1" in verdict.proof


def test_a_reader_has_the_word_where_the_rule_could_be_bypassed(lab_of: LabOf) -> None:
    lab = lab_of(read(drop=3), gateway=table("filter", f"{TO_3} --queue-bypass"))
    assert lab.probe("client", "server", "tcp/443").kind is Kind.DROPPED
    bypassed = lab_of(read(drop=4), gateway=table("filter", f"{TO_3} --queue-bypass"))
    verdict = bypassed.probe("client", "server", "tcp/443")
    assert verdict.allowed
    assert verdict.path[0].steps[0].verdict == "queue"


def test_a_balanced_range_names_the_queue_that_it_was(lab_of: LabOf) -> None:
    lab = lab_of(read(accept="2-5"), gateway=table("filter", "-A FORWARD -i left -j NFQUEUE --queue-balance 2:5"))
    queues = set()
    for _ in range(24):
        verdict = lab.probe("client", "server", "udp/443")
        assert verdict.allowed
        queues.add((verdict.path[0].steps[0].read or ("", ""))[0])
    assert queues <= {"2", "3", "4", "5"}
    assert queues


def test_each_base_chain_may_have_a_queue_of_its_own(lab_of: LabOf) -> None:
    first = table("mangle", "-A PREROUTING -i left -j NFQUEUE --queue-num 1")
    lab = lab_of(read(accept=1, drop=2), gateway=first + table("filter", "-A FORWARD -i left -j NFQUEUE --queue-num 2"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert verdict.kind is Kind.DROPPED
    assert [step.read for step in verdict.path[0].steps if step.read] == [("1", "accept"), ("2", "drop")]


def test_what_comes_out_of_a_queue_may_be_dropped_behind_it(lab_of: LabOf) -> None:
    behind = table("mangle", "-A POSTROUTING -o right -j DROP")
    lab = lab_of(read(accept=3), gateway=table("filter", TO_3) + behind)
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, str(verdict.rule)) == (Kind.DROPPED, "gateway mangle:POSTROUTING:1")


def test_what_is_repeated_bears_its_mark(lab_of: LabOf) -> None:
    again = "-A FORWARD -i left -m mark ! --mark 0x7 -j NFQUEUE --queue-num 3"
    lab = lab_of(read(repeat={"queue": 3, "mark": "0x7"}), gateway=table("filter", again, "-A FORWARD -j ACCEPT"))
    verdict = lab.probe("client", "server", "tcp/443")
    assert (verdict.kind, str(verdict.rule), verdict.path[0].mark) == (Kind.ALLOWED, "gateway filter:FORWARD:2", 7)
    assert [step.verdict for step in verdict.path[0].steps] == ["queue 3 repeat", "accept"]


def test_what_would_be_repeated_for_ever_is_told(lab_of: LabOf) -> None:
    lab = lab_of(read(repeat={"queue": 3, "mark": 7}), gateway=table("filter", TO_3))
    with pytest.raises(InputError, match="bears the mark 0x7 already: it is repeated for ever"):
        lab.probe("client", "server", "tcp/443")


def test_an_answer_that_the_reader_drops(lab_of: LabOf) -> None:
    lab = lab_of(read(drop=3), gateway=table("filter", "-A FORWARD -i right -j NFQUEUE --queue-num 3"))
    for service in SERVICES:
        verdict = lab.probe("client", "server", service)
        assert (verdict.kind, str(verdict.rule)) == (Kind.UNANSWERED, "gateway filter:FORWARD:1"), verdict.proof


def test_the_node_s_own_packets_and_those_for_it(lab_of: LabOf) -> None:
    both = table("filter", "-A INPUT -j NFQUEUE --queue-num 1", "-A OUTPUT -j NFQUEUE --queue-num 2")
    lab = lab_of(read(accept="1-2"), gateway=both)
    assert lab.probe("client", "gateway@left", "tcp/22").allowed
    assert lab.probe("gateway", "server", "udp/53").allowed
    shut = lab_of(read(accept=1, drop=2), gateway=both)
    verdict = shut.probe("gateway", "server", "tcp/443")
    assert (verdict.kind, str(verdict.rule)) == (Kind.DROPPED, "gateway filter:OUTPUT:1")


def test_no_probe_meets_what_another_left_in_a_queue(lab_of: LabOf) -> None:
    # conntrack knows the flow when its packets come out again
    new = "-A FORWARD -m conntrack --ctstate NEW -j NFQUEUE --queue-num 3"
    lab = lab_of(read(accept=3), gateway=table("filter", ESTABLISHED, new))
    for _ in range(10):
        for service in SERVICES:
            verdict = lab.probe("client", "server", service)
            assert (verdict.kind, str(verdict.rule)) == (Kind.ALLOWED, "gateway filter:FORWARD:2"), verdict.proof


def test_a_goodbye_does_not_wait_in_a_queue(lab_of: LabOf) -> None:
    before_conntrack = table("raw", "-A PREROUTING -j NFQUEUE --queue-num 3")
    lab = lab_of(read(accept=3), gateway=before_conntrack + table("filter", ESTABLISHED))
    for service in SERVICES:
        assert lab.probe("client", "server", service).allowed
        with lab.network.nodes["gateway"].namespace:
            flows = Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text().strip()
        assert (service, flows) == (service, "0")


def test_what_its_reader_accepts_may_have_no_route(lab_of: LabOf) -> None:
    lab = lab_of(read(accept=3), gateway=table("mangle", "-A PREROUTING -i left -j NFQUEUE --queue-num 3"))
    verdict = lab.probe("client", "203.0.113.9", "udp/53")
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway"), verdict.proof


def test_a_sweep_says_what_probes_say(lab_of: LabOf) -> None:
    queued = "-A FORWARD -p udp --dport {} -j NFQUEUE --queue-num {}"
    rules = queued.format("1:20", 1), queued.format("21:40", 2)
    lab = lab_of(read(accept=1, drop=2), gateway=table("filter", *rules))
    sweep = lab.sweep("client", "server", "udp/1-60", gear=Gear.RULE, every_port=True)
    assert differences(lab, sweep, "client", "server", "udp") == []
    assert [(low, high, group.verdict.kind) for low, high, group in sweep.ranges()] == [
        (1, 20, Kind.CLOSED), (21, 40, Kind.DROPPED), (41, 60, Kind.CLOSED),
    ]  # fmt: skip


def test_labs_that_take_turns_read_in_turns(backend: Backend) -> None:
    rules = {"gateway": rulesets(table("filter", TO_3))}
    with Site(topology(read(accept=3)), rules, backend=backend) as site, Lab.on(site) as one, Lab.on(site) as two:
        assert one.probe("client", "server", "tcp/443").allowed
        assert two.probe("client", "server", "tcp/443").allowed
        assert site.network.serve is None  # nobody has the turn


def test_a_queue_that_another_reads_cannot_be_read(lab_of: LabOf) -> None:
    gateway = lab_of(read(accept=3), gateway=table("filter", TO_3)).network.nodes["gateway"]
    Queues(gateway, {4: Reader("drop")}).close()
    with pytest.raises(MeasurementError, match="queue 3 cannot be read"):
        Queues(gateway, {3: Reader("drop")})
