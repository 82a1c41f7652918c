"""A look at a lab that is up: its interfaces and routes, what its rules counted, and how full its tables are.

What rules had counted at the last look is noted in the lab's folder in the runtime folder.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.errors import LabError, MeasurementError, Problem
from lab.keep.entry import Entry
from lab.keep.joined import join
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.tools import run
from lab.kernel.hold.held import Held
from lab.kernel.hold.held_now import held_now
from lab.kernel.stage.handles import open_namespace
from lab.kernel.stage.node import Node
from lab.kernel.watch.counters import packets
from lab.record.path import Rule
from lab.record.status import LabStatus, LinkStatus, NodeStatus, RuleCount
from lab.ruleset.backend import Backend

_LOOKED = "looked.json"
_CONNTRACK = Path("/proc/sys/net/netfilter")
Counts = Mapping[str, int]


class Looking:
    """Looks at a lab, again and again; ``nodes`` are those that are looked at, by default all.

    Raises InputError for one that the lab does not have, MachineError where it is not up any more.
    """

    def __init__(self, entry: Entry, nodes: Sequence[str] = ()) -> None:
        for name in nodes:
            entry.require_node(name)
        join(entry)
        self._entry, self._kept, self._home = entry, entry.kept(), Home()
        self._nodes = [
            Node(handle.name, self._home, open_namespace(entry.handles.pid, handle))
            for handle in entry.handles.nodes
            if not nodes or handle.name in nodes
        ]

    def look(self) -> LabStatus:
        """What is there now."""
        before, now = _noted(self._entry.folder), time.time()
        counted: dict[str, Counts] = dict(before.counts) if before is not None else {}
        seen = []
        for node in self._nodes:
            old = None if before is None else before.counts.get(node.name)
            status, counts = self._node(node, old)
            counted[node.name] = counts
            seen.append(status)
        _note(self._entry.folder, _Noted(now, counted))
        since = None if before is None else now - before.at
        return LabStatus(self._entry.name, self._entry.topology, since, tuple(seen))

    def _node(self, node: Node, before: Counts | None) -> tuple[NodeStatus, Counts]:
        links, routes = tuple(_links(node)), tuple(_routes(node))
        tracks, most = _tracked(node)
        try:
            held = held_now(node, self._entry.backend, self._kept.held.get(node.name))
            counts = tuple(_counts(node, held, before)) if held is not None else ()
        except LabError as error:
            return NodeStatus(node.name, links, routes, (), tracks, most, trouble=error.problems[0].what), {}
        found = NodeStatus(node.name, links, routes, counts, tracks, most, by_hand=held is not None and held.by_hand)
        return found, dict(zip(_names(one.rule for one in counts), (one.packets for one in counts), strict=True))

    def close(self) -> None:
        """Let go of the nodes."""
        for node in self._nodes:
            node.close()
        self._home.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Noted:
    """What was counted at the last look, by node."""

    at: float
    counts: Mapping[str, Counts]


def _noted(folder: Path) -> _Noted | None:
    """None where nobody has looked yet."""
    try:
        found = json.loads((folder / _LOOKED).read_text())
        return _Noted(found["at"], found["counts"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(folder: Path, noted: _Noted) -> None:
    new = folder / f".{_LOOKED}.{os.getpid()}"
    new.write_text(json.dumps({"at": noted.at, "counts": noted.counts}))
    new.rename(folder / _LOOKED)


def _names(rules: Iterable[Rule]) -> Iterator[str]:
    """What tells each rule from the others at another moment, wherever it then stands."""
    seen: Counter[str] = Counter()
    for rule in rules:
        name = f"{rule.family} {rule.table} {rule.chain} {rule.text}"
        seen[name] += 1
        yield f"{name} #{seen[name]}"


def _counts(node: Node, held: Held, before: Counts | None) -> Iterator[RuleCount]:
    found = packets(node.namespace, held.index, legacy=held.backend is Backend.LEGACY)
    counted = [(rule, found[key]) for key, rule in held.index.items() if key in found]
    for name, (rule, count) in zip(_names(rule for rule, _ in counted), counted, strict=True):
        was = None if before is None else before.get(name, 0)
        # a rule that was loaded anew begins at nothing
        yield RuleCount(rule, count, None if was is None else count - was if count >= was else count)


def _links(node: Node) -> Iterator[LinkStatus]:
    for one in _printed(node, ["ip", "-j", "addr", "show"]):
        addresses = tuple(f"{at['local']}/{at['prefixlen']}" for at in one.get("addr_info", ()) if "local" in at)
        up = "UP" in one.get("flags", ())
        state = str(one.get("operstate", "unknown")).lower() if up else "down"
        yield LinkStatus(str(one["ifname"]), "up" if up and state == "unknown" else state, addresses, int(one.get("mtu", 0)))


def _routes(node: Node) -> Iterator[str]:
    for family in ("-4", "-6"):
        done = run(node.namespace, ["ip", family, "route", "show"])
        yield from (" ".join(line.split()) for line in done.out.splitlines() if line.strip())


def _printed(node: Node, command: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    done = run(node.namespace, command)
    if done.code != 0:
        raise MeasurementError(Problem(f"{node.name}: {' '.join(command)} ended with {done.code}: {done.err.strip()}"))
    found: list[dict[str, Any]] = json.loads(done.out or "[]")
    return [one for one in found if one.get("ifname")]


def _tracked(node: Node) -> tuple[int | None, int | None]:
    """Entries of conntrack, and how many it takes at most, which is the machine's to say."""
    with node.namespace:
        return _number("nf_conntrack_count"), _number("nf_conntrack_max")


def _number(name: str) -> int | None:
    try:
        return int((_CONNTRACK / name).read_text())
    except (OSError, ValueError):
        return None
