"""The packets of one interface in a lab that is up: a line each, or as pcapng, as they cross."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

from lab import __version__
from lab.cli.ending import finish, show_nothing
from lab.errors import InputError, MachineError, Problem
from lab.evidence.pcapng import Captured, opening, packet_block
from lab.keep.entry import Entry, find
from lab.keep.joined import join
from lab.kernel.ground.headers import read_packet
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.syscalls import Ready
from lab.kernel.stage.capture import Frame, Tap
from lab.kernel.stage.handles import open_namespace
from lab.kernel.stage.node import Node
from lab.report.plain import plain

_ETHERNET, _IPV4, _IPV6, _LONGEST_HEADER = 14, 0x0800, 0x86DD, 60
_NAMES = {0x0806: "arp", 0x8100: "vlan"}


def capture(lab: str, node: str, interface: str, write: Path | None, count: int | None) -> NoReturn:
    """Capture until Ctrl-C, so many packets, or the lab's end."""
    entry = find(lab)
    entry.require_node(node)
    began, seen, lost = time.monotonic(), 0, 0
    try:
        with _tap(entry, node, interface) as (tap, ended), _out(entry, node, interface, write) as take:
            print(plain(f"capturing at {node}:{interface}; Ctrl-C ends it"), file=sys.stderr, flush=True)
            ready = Ready([tap.descriptor, ended])
            try:
                while seen != count and ended not in ready.within(None):
                    for frame in tap.frames()[: None if count is None else count - seen]:
                        take(frame)
                        seen += 1
            finally:
                lost = tap.lost()
    except KeyboardInterrupt:
        pass
    finish(0, show_nothing, lambda: _sum_up(seen, lost, time.monotonic() - began))


def _sum_up(seen: int, lost: int, seconds: float) -> None:
    missed = f"; {lost:,} more found no room" if lost else ""
    print(f"{seen:,} {'packet' if seen == 1 else 'packets'} in {seconds:.1f} s{missed}", file=sys.stderr)


@contextmanager
def _tap(entry: Entry, node: str, interface: str) -> Iterator[tuple[Tap, int]]:
    """What captures there, and what is readable once the lab has ended."""
    with ExitStack() as undo:
        try:
            ended = os.pidfd_open(entry.keeper)
        except ProcessLookupError:
            raise MachineError(Problem(f"{entry.name} is not up any more")) from None
        undo.callback(os.close, ended)
        join(entry)
        home = Home()
        undo.callback(home.close)
        handle = next(handle for handle in entry.handles.nodes if handle.name == node)
        place = Node(node, home, open_namespace(entry.handles.pid, handle))
        undo.callback(place.close)
        try:
            tap = Tap(place, interface)
        except OSError as error:
            what = f"{node} has no interface {interface!r} to capture at: {error.strerror}"
            known = ", ".join(("lo", *(port.name for port in handle.ports)))
            raise InputError(Problem(what, mend=f"its topology gives it {known}")) from None
        undo.callback(tap.close)
        yield tap, ended


@contextmanager
def _out(entry: Entry, node: str, interface: str, write: Path | None) -> Iterator[Callable[[Frame], None]]:
    """What takes each frame."""
    if write is None:
        yield lambda frame: print(frame_line(frame), flush=True)
        return
    try:
        with _opened(write) as file:
            name = f"{node}:{interface}"
            file.write(opening([name], f"{entry.name}, {name}", f"netfilter-lab {__version__}"))
            file.flush()

            def take(frame: Frame) -> None:
                file.write(packet_block(Captured(name, frame.seconds, frame.data), 0))
                file.flush()

            yield take
    except BrokenPipeError:  # who read it has gone
        return
    except OSError as error:
        raise MachineError(Problem(f"{write} cannot be written: {error.strerror}")) from None


def _opened(write: Path) -> BinaryIO:
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb") if str(write) == "-" else write.open("wb")


def frame_line(frame: Frame) -> str:
    """``14:02:11.482917  98  icmp 10.0.1.10 > 10.0.2.10 type 8 code 0``: when, how many bytes, what.

    >>> frame_line(Frame(0.0, bytes(12) + b"\\x08\\x06" + bytes(28))).split()[1:]
    ['42', 'arp']
    """
    at = datetime.fromtimestamp(frame.seconds).strftime("%H:%M:%S.%f")
    return plain(f"{at}  {len(frame.data):>4}  {_described(frame.data)}")


def _described(data: bytes) -> str:
    kind = int.from_bytes(data[12:14], "big")
    packet = data[_ETHERNET:]
    if kind == _IPV4 and len(packet) >= 20:
        size = (packet[0] & 15) * 4
        return str(read_packet(packet[:size], packet[size : size + _LONGEST_HEADER]))
    if kind == _IPV6 and len(packet) >= 40:
        return str(read_packet(packet[:40], packet[40 : 40 + _LONGEST_HEADER]))
    return _NAMES.get(kind, f"type 0x{kind:04x}")
