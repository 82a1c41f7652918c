"""Which sender of a row is paired with which target; a node is paired with itself only where the row means that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.written.cell import Sender, Target
from lab.written.ends import Ends, is_group
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
    ends: Ends, senders: Sequence[str | Place], targets: Sequence[str | Place]
) -> Iterator[tuple[Sender, Target]]:
    """Those of a node with itself, as far as a row's words for its senders and its targets mean that.

    Who writes a role, a network or a prefix means each with the others, and so does who writes several senders, targets of
    which one is another's, or a name of the topology.  A loopback address is the own one of each sender that is named.  A
    sender that is a node's name sends from the address that it sends to, as its kernel does (the ``src`` of the local route).
    """
    if not any(map(_names, targets)):
        return
    named = ends.senders([word for word in senders if _names(word)])
    one_node = all(map(_names, senders)) and len({sender.node for sender in named}) == 1 and _only_own(ends, named[0], targets)
    told: set[tuple[str, Target]] = set()
    for sender in named:
        free = sender.node in senders
        for target in ends.targets([word for word in targets if _names(word)]):
            if not _is_own(sender, target, one_node=one_node) or (free and (sender.node, target) in told):
                continue
            told.add((sender.node, target))
            own = to_itself(sender.node, target)
            yield (replace(sender, address=_answering(own.address), label=sender.node) if free else sender), own


def _only_own(ends: Ends, sender: Sender, targets: Sequence[str | Place]) -> bool:
    """Whether every target is the sender's own, by its node's name, an interface of it or an address."""
    if not all(_names(word) and not ends.is_name(word) for word in targets):
        return False
    return all(target.node == sender.node or is_loopback(target.address) for target in ends.targets(targets))


def to_itself(node: str, target: Target) -> Target:
    """The target as ``node`` has it, whose own a loopback address is that stands without a node."""
    return replace(target, node=node) if target.node is None and is_loopback(target.address) else target


def _names(word: str | Place) -> bool:
    return isinstance(word, Place) or not (is_group(word) or "/" in word)


def _is_own(sender: Sender, target: Target, *, one_node: bool) -> bool:
    if is_loopback(target.address):
        return target.node in (None, sender.node)
    return one_node and target.node == sender.node


def _answering(address: str) -> str:
    """The source that a kernel sends from to an address of its own."""
    return _LOOPBACK[6 if ":" in address else 4] if is_loopback(address) else address
