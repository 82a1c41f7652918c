"""The instrument blinded while a sweep goes on: a repeat that is right, `lost` or an error, and never a wrong verdict."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from lab.errors import MeasurementError
from lab.kernel.ground.owned_table import NFPROTO_INET
from lab.kernel.watch import tracer
from lab.kernel.watch.count_table import CountTable
from lab.kernel.watch.instrument import Instrument
from lab.lab import Lab
from lab.record.sweep import Gear, Sweep
from lab.record.verdict import Kind
from lab.sweep.catch import Catch
from lab.sweep.lane import Lanes
from lab.sweep.pieces import REPEATS
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table
from tests.kernel.test_blinded import drop_early, lose_the_trace_table, starve, tracer_of

pytestmark = pytest.mark.kernel

RULES = table("filter", "-A FORWARD -p udp --dport 200:399 -j DROP", "-A FORWARD -p udp --dport 400:499 -j REJECT")
RIGHT = {Kind.CLOSED: 200, Kind.DROPPED: 200, Kind.REJECTED: 100}
STOCK_BYTES = 212_992
GEARS = pytest.mark.parametrize("gear", list(Gear))
Before = Callable[[Lab, int], None]  # called before each sending, with how many there were


def swept(lab: Lab, gear: Gear) -> Sweep:
    return lab.sweep("client", "server", "udp/1-500", gear=gear, every_port=True)


def counted(sweep: Sweep) -> dict[Kind, int]:
    found = dict.fromkeys((group.verdict.kind for group in sweep.groups), 0)
    for group in sweep.groups:
        found[group.verdict.kind] += group.count
    return found


def never_wrong(sweep: Sweep) -> None:
    """What is not lost is what it is, and nothing is left out."""
    assert sweep.count == 500
    for low, high, group in sweep.ranges():
        for port in range(low, high + 1):
            right = Kind.DROPPED if 200 <= port < 400 else Kind.REJECTED if 400 <= port < 500 else Kind.CLOSED
            assert group.verdict.kind in (right, Kind.LOST), (port, str(group.verdict), group.verdict.proof)


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lab, Before], None]:
    """Has something done before each sending of a piece."""

    def install(lab: Lab, before: Before) -> None:
        send, sent = Lanes.send, iter(range(1_000_000))

        def interfering(self: Lanes, keys: list[int]) -> None:
            before(lab, next(sent))
            send(self, keys)

        monkeypatch.setattr(Lanes, "send", interfering)

    return install


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Buffers as small as an ordinary machine gives them to an ordinary user."""
    monkeypatch.setattr(tracer, "BUFFER_BYTES", STOCK_BYTES // 2)
    yield
    monkeypatch.undo()


@GEARS
def test_nothing_is_wrong_with_it(lab_of: LabOf, gear: Gear) -> None:
    sweep = swept(lab_of(corridor(), gateway=RULES), gear)
    never_wrong(sweep)
    assert (counted(sweep), sweep.repeats) == (RIGHT, 0)


@GEARS
@pytest.mark.usefixtures("stock")
def test_buffers_of_an_ordinary_machine(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    assert tracer_of(lab).buffer_bytes == STOCK_BYTES
    sweep = swept(lab, gear)
    never_wrong(sweep)
    assert (counted(sweep), sweep.repeats) == (RIGHT, 0), "pieces that fit need no repeat"


@GEARS
def test_a_trace_without_room(lab_of: LabOf, gear: Gear, sending: Callable[[Lab, Before], None]) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    sending(lab, lambda built, _: starve(built))
    found: list[Sweep] = []
    with pytest.raises(MeasurementError, match="overflowed"):
        found.append(swept(lab, gear))
    assert not found


@GEARS
def test_a_trace_with_less_room_than_it_said(lab_of: LabOf, gear: Gear, sending: Callable[[Lab, Before], None]) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    tracer_of(lab)._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 60_000)
    sweep = swept(lab, gear)
    never_wrong(sweep)
    if gear is Gear.RULE:
        assert sweep.repeats > 0


@GEARS
def test_receivers_without_room(lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Catch.__init__

    def deaf(self: Catch, *given: object) -> None:
        made(self, *given)  # type: ignore[arg-type]
        for ear in (*self._ears, self._errors):
            ear._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    monkeypatch.setattr(Catch, "__init__", deaf)
    sweep = swept(lab_of(corridor(), gateway=RULES), gear)
    never_wrong(sweep)
    assert sweep.repeats > 0


@GEARS
def test_a_backlog_that_overflows_once(lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    # it is asked before a piece is sent, to forget what was, and after it
    told = iter([False, True])
    monkeypatch.setattr(Instrument, "backlog_overflowed", lambda _: next(told, False))
    sweep = swept(lab_of(corridor(), gateway=RULES), gear)
    never_wrong(sweep)
    assert (counted(sweep), sweep.repeats > 0) == (RIGHT, True)


@GEARS
def test_a_backlog_that_overflows_always(lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Instrument, "backlog_overflowed", lambda _: True)
    sweep = swept(lab_of(corridor(), gateway=RULES), gear)
    never_wrong(sweep)
    assert (sweep.lost, "backlog" in sweep.groups[0].verdict.proof) == (500, True)
    assert sweep.repeats <= (1 + 2**REPEATS) * REPEATS * 4, "repeats are bounded"


@GEARS
def test_the_counting_table_deleted(lab_of: LabOf, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    send, tables = Lanes.send, list[CountTable]()
    made = CountTable.__init__

    def remembered(self: CountTable, *given: object) -> None:
        made(self, *given)  # type: ignore[arg-type]
        tables.append(self)

    def deleted(self: Lanes, keys: list[int]) -> None:
        for table_of in tables:
            table_of._owner.commit(table_of._owner.no_table(NFPROTO_INET))
        tables.clear()
        send(self, keys)

    monkeypatch.setattr(CountTable, "__init__", remembered)
    monkeypatch.setattr(Lanes, "send", deleted)
    with pytest.raises(MeasurementError, match="counting table is gone"):
        swept(lab, gear)


@GEARS
def test_the_trace_table_deleted(lab_of: LabOf, gear: Gear, sending: Callable[[Lab, Before], None]) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    sending(lab, lambda built, number: lose_the_trace_table(built) if number == 0 else None)
    found: list[Sweep] = []
    with pytest.raises(MeasurementError):
        found.append(swept(lab, gear))
    assert not found


@GEARS
@pytest.mark.parametrize(("node", "interface"), [("gateway", "left"), ("gateway", "right"), ("server", "right")])
def test_what_is_eaten_where_counting_cannot_see(lab_of: LabOf, gear: Gear, node: str, interface: str) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    drop_early(lab, node, interface)
    sweep = swept(lab, gear)
    assert sweep.count == 500
    for low, high, group in sweep.ranges():
        assert group.verdict.kind not in (Kind.CLOSED, Kind.ALLOWED), (low, high)
        if node == "gateway" and interface == "left":
            assert not group.verdict.denied, "no rule saw it"


@GEARS
def test_a_route_taken_away_on_the_way(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(gateway={"routes": ["blackhole 192.0.2.0/24"]}), gateway=RULES)
    sweep = lab.sweep("client", "192.0.2.7", "udp/1-500", gear=gear, every_port=True)
    assert {group.verdict.kind for group in sweep.groups} == {Kind.UNROUTED}, "it died before a rule could"
