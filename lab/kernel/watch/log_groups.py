"""The groups of NFLOG that rules of the watched nodes write to: bound, and read like a program that listens there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from lab.kernel.stage.node import Node
from lab.kernel.watch.legacy_trace import LegacyTrace
from lab.kernel.watch.nflog import Logged, PacketLog
from lab.kernel.watch.trace_table import LOG_GROUP
from lab.kernel.watch.tracer import Overrun
from lab.record.path import Rule


class Heard(NamedTuple):
    """A message that came to ``group`` of ``node``, and the rules there that write such a one."""

    node: str
    group: int
    rules: tuple[Rule, ...]
    message: Logged
    entered: str | None
    toward: str | None


class _Source(NamedTuple):
    node: Node
    group: int
    rules: tuple[Rule, ...]
    read: Callable[[], list[Logged]]
    close: Callable[[], None]


class LogGroups:
    """Holds the groups that `listen` was called for, until `close`."""

    def __init__(self) -> None:
        self._sources: list[_Source] = []

    def listen(self, node: Node, logging: Iterable[Rule], trace: object) -> None:
        """Take each group that one of the rules ``logging`` writes to, in ``node`` that is traced by ``trace``.

        What it had of the node before and no rule writes to now it lets go.  Raises MeasurementError where another process has
        one of them.
        """
        before = {source.group: source for source in self._sources if source.node is node}
        self._sources = [source for source in self._sources if source.node is not node]
        groups: dict[int, list[Rule]] = {}
        for rule in logging:
            if rule.log is not None and rule.log.group is not None:
                groups.setdefault(rule.log.group, []).append(rule)
        for group, rules in groups.items():
            if (known := before.pop(group, None)) is not None:
                source = known._replace(rules=tuple(rules))
            elif group == LOG_GROUP and isinstance(trace, LegacyTrace):
                trace.listen()  # which has that group already
                source = _Source(node, group, tuple(rules), trace.heard, trace.listen_no_more)
            else:
                log = PacketLog(node.namespace, group, of=f"what {node.name} logs")
                source = _Source(node, group, tuple(rules), log.read, log.close)
            self._sources.append(source)
        for source in before.values():
            source.close()

    def read(self) -> Iterator[Heard]:
        """What came since this was called last, in each group in order; raises tracer.Overrun where some were lost."""
        for source in self._sources:
            for message in source.read():
                prefix = message.prefix.decode(errors="replace")
                rules = tuple(rule for rule in source.rules if rule.log is not None and rule.log.prefix == prefix)
                if rules:  # the lab's own marks may be among what waits
                    name = source.node.port_name
                    ports = (name(index) if index else None for index in (message.in_index, message.out_index))
                    yield Heard(source.node.name, source.group, rules, message, *ports)

    def clear(self) -> None:
        """Let go what waits, whatever was lost of it."""
        for source in self._sources:
            with suppress(Overrun):
                source.read()

    def close(self) -> None:
        """Let all groups go."""
        while self._sources:
            self._sources.pop().close()
