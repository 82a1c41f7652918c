"""Two ends that speak to each other at once, while their flows are forgotten: nobody's port is translated.

As the kernel's own conntrack_reverse_clash.sh documents it (mended in Linux 6.12): where a rule of NAT is there and does not
match, every flow gets a translation that changes nothing.  That each end began one must not make one of them change.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import ExitStack

import pytest

from lab.kernel.stage.node import Node
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NOWHERE = table("nat", "-A POSTROUTING -o nowhere -j MASQUERADE")
ENDS = (("127.0.0.11", 56_789), ("127.0.0.12", 56_790))
ROUNDS = 1_500


def test_no_port_changes_without_a_rule_that_matches(lab_of: LabOf) -> None:
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 12):
        pytest.skip("before Linux 6.12 a clash of both directions translates a port")
    lab = lab_of(corridor(), gateway=NOWHERE)
    with ExitStack() as open_:
        one, other = (open_.enter_context(bound(lab.network.nodes["gateway"], end)) for end in ENDS)
        seen: list[set[tuple[str, int]]] = [set(), set()]
        speakers = [
            threading.Thread(target=speak, args=(one, other, ENDS[1], seen[0])),
            threading.Thread(target=speak, args=(other, one, ENDS[0], seen[1])),
        ]
        for speaker in speakers:
            speaker.start()
        forgotten = 0
        while any(speaker.is_alive() for speaker in speakers):
            lab.instrument.forget_all_flows()
            forgotten += 1
        for speaker in speakers:
            speaker.join()
    assert forgotten > 0
    assert seen == [{ENDS[0]}, {ENDS[1]}]


def bound(node: Node, end: tuple[str, int]) -> socket.socket:
    channel = node.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.bind(end)
    channel.settimeout(10)
    return channel


def speak(speaker: socket.socket, hearer: socket.socket, end: tuple[str, int], seen: set[tuple[str, int]]) -> None:
    """Say something many times, and note from whom it is heard."""
    for _ in range(ROUNDS):
        try:
            speaker.sendto(b"again", end)
        except PermissionError:  # the entry of this very datagram was forgotten under way
            continue
        seen.add(hearer.recvfrom(16)[1])
