"""Which sender of a row is paired with which target; a node is paired with itself only where the row means that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.written.cell import Sender, Target
from lab.written.ends import is_group
from lab.written.fields import Place
from lab.written.words import is_loopback

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def pairs(senders: Sequence[Sender], targets: Sequence[Target]) -> Iterator[tuple[Sender, Target]]:
    """Every combination but those of a node with itself."""
    for sender in senders:
        for target in targets:
            if sender.node != target.node and not is_loopback(target.address):
                yield sender, target


def own_pairs(
    words: Sequence[str | Place], senders: Sequence[Sender], targets: Sequence[Target], named: Sequence[Target]
) -> Iterator[tuple[Sender, Target]]:
    """Those of a node with itself, which ``words``, the row's senders, and its targets that are ``named`` alone mean.

    A loopback address is the sender's own, whoever sends.  For another of its addresses the row names one node that sends,
    and that node or its address as a target: who writes a role, a network, or several nodes means each with the others.
    A sender that is a node's name sends from the address that it sends to, as its kernel does (the ``src`` of the local route).
    """
    one_node = len({sender.node for sender in senders}) == 1 and not any(map(is_group, words))
    told: set[tuple[str, Target]] = set()
    for sender in senders:
        free = sender.node in words or any(map(is_group, words))
        for target in targets:
            if not _is_own(sender, target, named if one_node else ()) or (free and (sender.node, target) in told):
                continue
            told.add((sender.node, target))
            own = to_itself(sender.node, target)
            yield (replace(sender, address=_answering(own.address), label=sender.node) if free else sender), own


def to_itself(node: str, target: Target) -> Target:
    """The target as ``node`` has it, whose own a loopback address is that stands without a node."""
    return replace(target, node=node) if target.node is None and is_loopback(target.address) else target


def _is_own(sender: Sender, target: Target, named: Sequence[Target]) -> bool:
    if is_loopback(target.address):
        return target.node in (None, sender.node)
    return target.node == sender.node and target in named


def _answering(address: str) -> str:
    """The source that a kernel sends from to an address of its own."""
    return _LOOPBACK[6 if ":" in address else 4] if is_loopback(address) else address
