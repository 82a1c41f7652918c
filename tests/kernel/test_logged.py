"""What is logged of a flow: LOG by the trace, NFLOG by messages that came to its group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.errors import MeasurementError
from lab.kernel.watch.log_groups import LogGroups
from lab.kernel.watch.nflog import PacketLog
from lab.probe.question import Handshake, Question, Wants
from lab.record.logs import LogMessage, LogWitness
from lab.record.result import CellResult
from lab.report.detail import explain
from lab.report.wire.run import Cell
from lab.report.wire.writing import written
from lab.ruleset.backend import Backend
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import CLIENT, SERVER, corridor, rulesets, table

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


@pytest.mark.parametrize(
    ("rule", "logged", "but"),
    [
        (LOG, {"level": "debug"}, "it was logged with prefix 'tcp ' at level info by the trace of gateway filter:FORWARD:1"),
        (NFLOG, {"group": 6}, "it was logged with prefix 'tcp ' by a message of NFLOG group 5, of gateway filter:FORWARD:1"),
        (NFLOG, {"prefix": "tcp "}, ""),
        (NFLOG, {"prefix": "tcp"}, "it met the prefixes 'tcp '"),
    ],
)
def test_what_is_logged_otherwise(project: Project, backend: Backend, rule: str, logged: Any, but: str) -> None:
    cell = run(project, backend, (rule,), logged)
    assert (str(cell.outcome), "".join(cell.differences).partition("; ")[2]) == ("mismatch" if but else "passed", but)


NEW = "-A FORWARD -m conntrack --ctstate NEW"
PASSES = {"expect": "allow", "policy": "ACCEPT"}


@pytest.mark.parametrize("target", ["LOG --log-prefix n", "NFLOG --nflog-prefix n --nflog-group 5", "NFLOG --nflog-prefix n"])
def test_how_often(project: Project, backend: Backend, target: str) -> None:
    """A handshake is three segments, a nonce each way and its acknowledgement four, the orderly close four or three."""
    once = run(project, backend, (f"{NEW} -j {target}",), {"prefix": "n", "times": 1}, **PASSES)
    assert (str(once.outcome), once.differences) == ("passed", ())
    each = run(project, backend, (f"-A FORWARD -j {target}",), {"prefix": "n", "times": {"min": 10, "max": 11}}, **PASSES)
    assert (str(each.outcome), each.differences) == ("passed", ())
    assert [message.of_first for message in messages(each)] == [True] + [False] * (len(messages(each)) - 1)
    wrong = run(project, backend, (f"-A FORWARD -j {target}",), {"prefix": "n", "times": 1}, **PASSES)
    assert "must be logged with prefix 'n' once, but was 1" in wrong.differences[0]


def test_both_witnesses_count_alike(project: Project, backend: Backend) -> None:
    rules = "-A FORWARD -j LOG", "-A FORWARD -j NFLOG --nflog-group 9"
    for service in ("tcp/22", "udp/53", "icmp/echo-request"):
        cell = run(project, backend, rules, {"times": {"min": 2}}, service=service, **PASSES)
        told = [message.witness for message in messages(cell)]
        assert (str(cell.outcome), told.count(LogWitness.TRACE)) == ("passed", told.count(LogWitness.NFLOG))


def test_what_must_not_be_logged(project: Project, backend: Backend) -> None:
    later = "-A FORWARD -m conntrack --ctstate ESTABLISHED -j NFLOG --nflog-group 5"
    assert str(run(project, backend, (NFLOG,), "none", service="udp/53").outcome) == "passed"
    (told,) = run(project, backend, (later,), {"times": 0}, **PASSES).differences
    assert told.startswith("must not be logged, but was: by a message of NFLOG group 5, of gateway filter:FORWARD:1")
    (by_prefix,) = run(project, backend, (NFLOG,), {"prefix": "tcp ", "times": 0}).differences
    assert by_prefix.startswith("must not be logged with prefix 'tcp ', but was:")


def test_a_message_that_does_not_come_is_no_log(
    project: Project, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogGroups, "read", lambda _: iter(()))
    cell = run(project, backend, (NFLOG,), "tcp ")
    no = "must be logged with prefix 'tcp ', but no message of gateway filter:FORWARD:1 came to group 5 of NFLOG"
    assert (str(cell.outcome), cell.differences) == ("mismatch", (no,))


def test_a_group_that_another_process_reads(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", NFLOG, FORWARD="DROP"))
    question = Question("client", CLIENT, SERVER, Handshake(22), wants=Wants(log=True))
    other = PacketLog(lab.network.nodes["gateway"].namespace, 5)
    with pytest.raises(MeasurementError, match="group 5 of NFLOG, which tells what gateway logs, cannot be read"):
        lab.ask(question)
    other.close()
    assert [message.group for message in lab.ask(question).observation.logged or ()] == [5]
    assert lab.ask(replace(question, wants=Wants())).observation.logged is None


def test_a_sweep_asks_for_the_messages_of_each_verdict(project: Project, backend: Backend) -> None:
    rules = NFLOG.replace("-p tcp", "-p tcp --dport 1:500"), ZERO
    cell = run(project, backend, rules, {"prefix": "tcp "}, service="tcp/1-1000")
    assert (str(cell.outcome), cell.ports, [message.group for message in messages(cell)]) == ("passed", 1000, [5, 0])


def test_a_limited_log_begins_anew_for_each_cell(project: Project, backend: Backend) -> None:
    rule = "-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j NFLOG --nflog-group 5 --nflog-prefix l"
    flows = [{**ROW, "name": f"row {number}", "logged": {"prefix": "l", "times": 1}} for number in range(3)]
    ruleset = table("filter", rule, FORWARD="DROP")
    result = project.run(corridor(), {"gateway": ruleset}, flows, backend=backend)
    assert [(str(cell.outcome), cell.differences) for cell in result.results] == [("passed", ())] * 3


def test_where_and_how_much_of_it(project: Project, backend: Backend) -> None:
    mark = "-A FORWARD -j MARK --set-mark 7"
    rules = mark, NFLOG + " --nflog-size 20", NFLOG.replace("-group 5", "-group 6"), "-A FORWARD -j LOG", mark
    cell = run(project, backend, rules, {"group": 5, "times": 1})
    short, whole, log = messages(cell)
    assert (short.copied, short.whole, short.cut, short.mark) == (20, 60, True, 7)
    assert (whole.copied, whole.whole, whole.cut, whole.mark) == (60, 60, False, 7)
    assert (log.copied, log.mark) == (None, None), "a rule behind it may have marked it"
    assert "its message was cut short: 20 of 60 bytes" in explain(cell)


def test_in_nft_s_own_words(project: Project) -> None:
    script = """table inet fw {
 chain forward {
  type filter hook forward priority 0; policy drop;
  tcp dport 22 log prefix "native " group 7 snaplen 24 queue-threshold 20
  tcp dport 22 log prefix "loud " level alert drop
 }
}
"""
    flows: list[dict[str, Any]] = [
        {**ROW, "logged": {"prefix": "native ", "group": 7, "times": 1}},
        {**ROW, "name": "loud", "logged": {"prefix": "loud ", "level": 1}},
        {**ROW, "name": "quiet", "service": "tcp/23", "logged": False},
    ]
    message, loud, quiet = project.run(corridor(), {"gateway": script}, flows).results
    assert [(str(cell.outcome), cell.differences) for cell in (message, loud, quiet)] == [("passed", ())] * 3
    assert [(one.copied, one.cut) for one in messages(message)] == [(24, True), (None, False)]


def test_it_is_in_the_evidence(project: Project, backend: Backend) -> None:
    cell = run(project, backend, (LOG,), "tcp ")
    told: Any = written(Cell, cell)["logged"]
    assert [(one["witness"], one["level"], one["in"], one["rule"]["number"]) for one in told] == [("trace", "info", "left", 1)]


def test_what_neighbours_say_of_each_other_is_not_the_flow_s(lab_of: LabOf) -> None:
    """IPv6 asks for the neighbour's address first, in packets that go through INPUT and OUTPUT too."""
    nodes = {
        "client": {"role": "client", "interfaces": {"lan": "2001:db8:1::10"}},
        "gateway": {"role": "gateway", "interfaces": {"lan": "2001:db8:1::1"}},
    }
    written = {"topology": "pair", "networks": {"lan": "2001:db8:1::/64"}, "nodes": nodes}
    rules = table("filter", "-A INPUT -j NFLOG --nflog-prefix in", "-A INPUT -p tcp -j DROP", "-A OUTPUT -j LOG")
    lab = lab_of(written, gateway=rulesets(v6=rules))
    question = Question("client", "2001:db8:1::10", "2001:db8:1::1", Handshake(22), wants=Wants(log=True, whole_log=True))
    seen = lab.ask(question).observation
    assert [(one.prefix, one.hook, one.whole) for one in seen.logged or ()] == [("in", "input", 80)]
    assert any(path.entry.flags in (135, 136) for path in seen.others), "they were asked for, and traced"
