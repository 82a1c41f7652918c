"""Flows that failed, asked once more in a lab of their own, with everything traced, counted and captured."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import lab as package
from lab.errors import as_lab_error
from lab.evidence.keeping import Keeping
from lab.evidence.pcapng import Captured, pcapng
from lab.kernel.stage.capture import Frame
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.packet import ICMPS, Packet
from lab.record.path import Path
from lab.record.result import CellResult
from lab.record.verdict import Verdict
from lab.report.detail import explain
from lab.report.path import describe_path
from lab.run.after.pcap import again
from lab.written.cell import Cell
from lab.written.seen.headers import headers_of

PROGRAM = f"netfilter-lab {package.__version__}"
_ETHERNET = 1
_TCP = 6
_Key = tuple[object, ...]


class Looked(NamedTuple):
    """A failed cell as it was seen again: the frames with the path of each as its comment, and the same in words."""

    capture: bytes
    words: str


def look_again(plan: Plan, cell: Cell, failed: CellResult) -> Looked:
    """Ask what failed of a cell once more; raises LabError."""
    with Lab(plan.topology, plan.policies, backend=plan.backend) as lab, lab.captured() as capture:
        with lab.batch(), lab.counted(), lab.everything_traced():
            verdicts = again(lab, plan, cell, failed)
        frames = capture.frames()
    told = _about(failed, verdicts)
    captured = commented(frames, verdicts)
    words = [explain(failed), "", "asked once more, with everything traced:", *told[1:]]
    for verdict in verdicts:
        words += describe_path(verdict.path, verdict.observation.counters)
    comment = "\n".join(told)
    return Looked(pcapng(captured, comment, PROGRAM), "\n".join(words) + "\n")


def keep_again(keeping: Keeping, failed: Sequence[tuple[Plan, CellResult]], most: int, *folder: str) -> None:
    """Ask the first ``most`` of the cells that failed once more, each in a lab of its own, and keep what was captured."""
    if len(failed) > most:
        keeping.note(f"of {len(failed)} cells that failed the first {most} were asked again and captured")
    for plan, one in failed[:most]:
        cell = next(cell for cell in plan.cells if cell.id == one.id)
        try:
            looked = look_again(plan, cell, one)
        except Exception as error:  # noqa: BLE001 - what cannot be captured takes nothing from what was measured
            keeping.note(f"{cell.id} could not be captured: {as_lab_error(error).problems[0].what}")
            continue
        keeping.add(looked.capture, *folder, f"{cell.id}.pcapng")
        keeping.add(looked.words.encode(errors="backslashreplace"), *folder, f"{cell.id}.txt")


def commented(frames: Mapping[tuple[str, str], Sequence[Frame]], verdicts: Sequence[Verdict]) -> Iterator[Captured]:
    """The frames of each node and interface; one of which a trace tells has its path through that node as its comment."""
    came: defaultdict[_Key, deque[Path]] = defaultdict(deque)
    left: defaultdict[_Key, deque[Path]] = defaultdict(deque)
    for path in (path for verdict in verdicts for path in _paths(verdict)):
        came[path.node, path.entered, _key(path.entry)].append(path)
        left[path.node, path.out, _key(path.exit or path.head(-1))].append(path)
    for (node, interface), seen in frames.items():
        for frame in seen:
            key = node, interface, _key_of(frame.data)
            for paths, how in ((came, "came in"), (left, "went out")):
                if key in paths:
                    path = paths[key].popleft() if len(paths[key]) > 1 else paths[key][0]
                    words = "\n".join((f"{node}: {how} by {interface}", *describe_path([path])))
                    break
            else:
                words = ""
            yield Captured(f"{node}:{interface}", frame.seconds, frame.data, words)


def _about(failed: CellResult, verdicts: Sequence[Verdict]) -> list[str]:
    """What the capture is of: the cell, what was expected, what became of it, and of it now."""
    return [
        failed.id,
        f"expected: {failed.expected}",
        f"found: {failed.verdict}",
        *(f"asked again: {verdict}" for verdict in verdicts),
        *by_rules(verdicts),
    ]


def by_rules(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The rules that decided, one line each."""
    for verdict in verdicts:
        if (rule := verdict.stopped_by or verdict.rule) is not None:
            yield f"by: {rule}: {rule.text}" + (f" [{rule.source}]" if rule.source else "")


def _paths(verdict: Verdict) -> Iterator[Path]:
    seen = verdict.observation
    yield from (*seen.request, *seen.answer, *seen.others)


def _key(packet: Packet) -> _Key:
    """What a packet has in a frame and in a trace alike."""
    if packet.proto in ICMPS:
        return packet.source, packet.destination, packet.proto, packet.sport, packet.flags, 0, packet.code
    flags = packet.flags if packet.proto == _TCP else 0
    return packet.source, packet.destination, packet.proto, packet.sport, packet.dport, flags, 0


def _key_of(frame: bytes) -> _Key | None:
    found = headers_of(frame, _ETHERNET)
    if found is None:
        return None
    return found.source, found.destination, found.proto, found.sport, found.dport, found.flags, found.code
