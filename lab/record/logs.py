"""What was logged of a flow, message by message, and who witnessed it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from lab.record.packet import Packet
from lab.record.path import Path, Rule, Step

_LEAVES_THE_MARK = frozenset(("ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "NFLOG"))


class LogWitness(StrEnum):
    """Who saw that a packet was logged."""

    TRACE = "trace"  # the packet met the LOG rule: in a namespace the kernel prints nothing of it
    NFLOG = "nflog"  # the message came to its group, and was read
    NOBODY = "nobody"  # the packet met an NFLOG rule, and no message of it came to its group


class LogMessage(NamedTuple):
    """One packet that one rule logged.

    ``level`` is syslog's word for it (``warn``), None of NFLOG, ``group`` the group of NFLOG, None of LOG.  ``rule`` is None
    where the packet was not traced and several rules say the same.  ``packet`` are its headers as they were there, None where
    the message was too short to hold them.  ``hook`` is where it was, ``entered`` and ``toward`` are the interfaces that it
    came in by and is on its way to, ``mark`` is its mark, None where a later rule may have set it.  ``of_first`` tells that it
    is the request's first packet.
    ``copied`` is how many bytes of the packet a message held, ``whole`` how many the packet has; None by the trace.
    """

    node: str
    witness: LogWitness
    prefix: str
    level: str | None
    group: int | None
    rule: Rule | None
    packet: Packet | None
    hook: str
    entered: str | None = None
    toward: str | None = None
    mark: int | None = 0
    of_first: bool = False
    copied: int | None = None
    whole: int | None = None

    @property
    def cut(self) -> bool:
        """Whether its message holds less than the packet (``--nflog-size``, ``snaplen``)."""
        return self.copied is not None and self.whole is not None and self.copied < self.whole

    @property
    def by(self) -> str:
        """Who witnessed it, in words that follow "it was logged"."""
        where = self.node if self.rule is None else str(self.rule)
        if self.witness is LogWitness.TRACE:
            return f"by the trace of {where}"
        if self.witness is LogWitness.NFLOG:
            return f"by a message of NFLOG group {self.group}, of {where}"
        return f"by {where}, of which no message came to NFLOG group {self.group}"


def traced_logs(paths: Iterable[Path], *, of_first: bool = False) -> Iterator[LogMessage]:
    """What the rules log that the trace shows packets to have met, in order.

    A message of NFLOG is `LogWitness.NOBODY`'s as long as nobody has read it.
    """
    for path in paths:
        for place, step in enumerate(path.steps):
            log = step.rule.log if step.rule is not None else None
            if log is None:
                continue
            witness = LogWitness.TRACE if log.group is None else LogWitness.NOBODY
            message = LogMessage(
                path.node, witness, log.prefix, log.level, log.group, step.rule, path.head(place), step.hook, path.entered,
                path.toward, None if any(map(_may_mark, path.steps[place + 1 :])) else path.mark, of_first,
            )  # fmt: skip
            yield message


def _may_mark(step: Step) -> bool:
    rule = step.rule
    if rule is None or rule.number is None or step.verdict.partition(" ")[0] in ("jump", "goto"):
        return False
    return "mark" in rule.text if rule.is_native else rule.target not in _LEAVES_THE_MARK
