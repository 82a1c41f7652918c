"""What a sending socket bears: its mark, its user."""

from __future__ import annotations

import os

import pytest

from lab.errors import InputError, MachineError
from lab.kernel.ground.user import files_of
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True
SERVICES = ("tcp/443", "udp/53", "icmp/echo-request")


@pytest.mark.parametrize("service", SERVICES)
def test_a_mark_is_seen_by_the_senders_own_rules(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", "-A OUTPUT -m mark --mark 0x80000/0xff0000 -j ACCEPT", OUTPUT="DROP"))
    marked, plain = lab.probe("gateway", "server", service, mark="0x80000"), lab.probe("gateway", "server", service)
    assert (marked.kind, plain.kind) == (Kind.ALLOWED, Kind.DROPPED), marked.proof
    assert (marked.path[0].mark, plain.path[0].mark) == (0x80000, 0)


@pytest.mark.parametrize("mark", [0x80000000, 0xFFFFFFFF])
def test_a_mark_has_32_bits(lab_of: LabOf, mark: int) -> None:
    verdict = lab_of(corridor(), gateway=table("filter")).probe("gateway", "server", "udp/53", mark=mark)
    assert (verdict.kind, verdict.path[0].mark) == (Kind.ALLOWED, mark), verdict.proof


def test_a_mark_chooses_the_route_and_the_source(lab_of: LabOf) -> None:
    two_ways = corridor(gateway={"routes": ["10.9.0.0/24 via 10.0.1.10", "10.9.0.0/24 via 10.0.2.10 table 7"],
                                 "rules": ["fwmark 7 lookup 7 pref 100"]})  # fmt: skip
    lab = lab_of(two_ways, gateway=table("filter"))
    found = [lab.probe("gateway", "10.9.0.9", "udp/53", mark=mark) for mark in (0, 7)]
    assert [(verdict.path[0].out, verdict.observation.sent.source) for verdict in found] == [
        ("left", "10.0.1.1"), ("right", "10.0.2.1"),
    ]  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_a_user_is_seen_by_the_senders_own_rules(lab_of: LabOf, service: str) -> None:
    if os.environ.get("LAB_ROOTLESS"):
        pytest.skip("without root no rule may name another user")
    lab = lab_of(corridor(), gateway=table("filter", "-A OUTPUT -m owner --uid-owner 1234 -j REJECT"))
    kinds = [lab.probe("gateway", "server", service, uid=uid).kind for uid in (1234, 1235, None, 0)]
    assert kinds == [Kind.REJECTED, Kind.ALLOWED, Kind.ALLOWED, Kind.ALLOWED]


def test_no_socket_is_left_to_another_user(lab_of: LabOf) -> None:
    if os.environ.get("LAB_ROOTLESS"):
        pytest.skip("without root no rule may name another user")
    lab = lab_of(corridor(), gateway=table("filter", "-A OUTPUT -m owner ! --uid-owner 0 -j DROP"))
    kinds = [lab.probe("gateway", "server", "udp/53", uid=uid).kind for uid in (None, 1234, None, 1234, None)]
    assert kinds == [Kind.ALLOWED, Kind.DROPPED] * 2 + [Kind.ALLOWED]


def test_a_user_that_there_is_not() -> None:
    with pytest.raises(MachineError, match="as user 4294967295"), files_of(0xFFFFFFFF):
        pass


@pytest.mark.parametrize(
    ("said", "words"),
    [({"mark": "blue"}, "'blue' is not a mark"), ({"mark": -1}, "not a mark"), ({"uid": -1}, "not a user"),
     ({"flags": "syn"}, "alone is how a handshake begins"), ({"flags": "rst"}, "is one of TCP")],
)  # fmt: skip
def test_what_cannot_be_said(lab_of: LabOf, said: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        lab_of(corridor(), gateway=table("filter")).probe("gateway", "server", "udp/53", **said)  # type: ignore[arg-type]
