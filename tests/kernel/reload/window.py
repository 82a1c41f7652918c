"""How long rules are absent, or those of before and of now mixed, while they are loaded anew: packets are sent all the while.

Each packet is one flow that the rules deny, or one that they allow, before and after; what fares otherwise was sent in the
window.  Nothing is timed out: a packet that a rule drops is refused while it is sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.kernel.reload.ways import OTHER, PORT, Box, Native, Rules, Way

_ORDER = {1: ("filter",), 2: ("mangle", "filter"), 4: ("raw", "mangle", "nat", "filter")}
TABLES = tuple(_ORDER)
_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0}
_OF_NO_ACCOUNT = 5
"""Rules in each table that no packet of the measurement meets."""


def generation(number: int, tables: int, policy: str = "ACCEPT") -> Rules:
    """Rules of which the filter table allows only what the mangle table of the same generation has marked."""
    mark, meta = (f" -m mark --mark {number}", f" meta mark {number}") if tables > 1 else ("", "")
    iptables, native = {}, {}
    for name in _ORDER[tables]:
        own = [f"-p udp --dport {6000 + rule} -j ACCEPT" for rule in range(_OF_NO_ACCOUNT)]
        other = [f"udp dport {6000 + rule} accept" for rule in range(_OF_NO_ACCOUNT)]
        if name == "mangle":
            own.append(f"-p udp --dport {OTHER} -j MARK --set-mark {number}")
            other.append(f"udp dport {OTHER} meta mark set {number}")
        if name == "filter":
            ends = f"{OTHER}{mark} -j ACCEPT", f"{OTHER} -j DROP", f"{PORT} -j DROP"
            own += [f"-p udp --dport {end}" for end in ends]
            other += [f"udp dport {OTHER}{meta} accept", f"udp dport {OTHER} drop", f"udp dport {PORT} drop"]
        iptables[name] = tuple(own)
        kind = "nat" if name == "nat" else "filter"
        said = f" policy {policy.lower()};" if name == "filter" else ""
        native[name] = Native(tuple(other), head=f"type {kind} hook output priority {_PRIORITIES[name]};{said}")
    return Rules(iptables, native, policy=policy)


@dataclass(frozen=True)
class Windows:
    """What some reloads came to: packets that were sent, those that got through or were refused and should not, and for how
    long (milliseconds, from the first to the last such packet) in each reload that had such."""

    reloads: int
    sent: int
    opened: int
    refused: int
    lengths_ms: tuple[float, ...]


def windows(way: Way, tables: int, reloads: int, policy: str = "ACCEPT") -> Windows:
    """Reload by ``way`` so many times, while packets are sent without pause."""
    with Box(way) as box:
        box.load(generation(0, tables, policy))
        sender = _Sender(box)
        sender.start()
        found = []
        try:
            for number in range(1, reloads + 1):
                before = sender.at_rest()
                box.reload(generation(number, tables, policy))
                found.append(sender.since(before))
        finally:
            sender.stop()
    wrong = [one for run in found for one in run.wrong]
    lengths = tuple((run.wrong[-1][1] - run.wrong[0][0]) * 1000 for run in found if run.wrong)
    opened = sum(port == PORT for _, _, port in wrong)
    return Windows(reloads, sum(run.sent for run in found), opened, len(wrong) - opened, lengths)


@dataclass(frozen=True)
class _Run:
    """Packets of one reload: how many, and when each that fared otherwise was sent, from before to after, and to which port."""

    sent: int
    wrong: Sequence[tuple[float, float, int]]


class _Sender(threading.Thread):
    """Sends to both ports in turn, until it is stopped."""

    def __init__(self, box: Box) -> None:
        super().__init__()
        self._box = box
        self._client = box.client()
        self._stopped = threading.Event()
        self._turned = threading.Condition()
        self._turns = 0
        self._wrong: list[tuple[float, float, int]] = []

    def run(self) -> None:
        passes, client, clock = self._box.passes, self._client, time.perf_counter
        while not self._stopped.is_set():
            for port, should in ((PORT, False), (OTHER, True)):
                begun = clock()
                if passes(client, port) is not should:
                    self._wrong.append((begun, clock(), port))
            with self._turned:
                self._turns += 1
                self._turned.notify_all()

    def at_rest(self) -> tuple[int, int]:
        """Wait for a turn that was begun after now; how many there were, and how many wrong packets."""
        with self._turned:
            wanted = self._turns + 2
            assert self._turned.wait_for(lambda: self._turns >= wanted, timeout=60)
            return self._turns, len(self._wrong)

    def since(self, before: tuple[int, int]) -> _Run:
        """What was sent between two rests."""
        turns, wrong = self.at_rest()
        return _Run(2 * (turns - before[0]), self._wrong[before[1]:wrong])

    def stop(self) -> None:
        self._stopped.set()
        self.join()
