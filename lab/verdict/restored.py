"""A node before something and after it: what is there now and was not, and the reverse, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain

from lab.record.node_state import ChangedBy, Leftover, NodeState, Part

_GONE, _NEW = "-", "+"
_MOST_PAIRS = 10_000_000  # of equal lines: where one line stands thousands of times, to align them takes minutes


def left_over(before: NodeState, after: NodeState) -> tuple[Leftover, ...]:
    """What is still to be made undone so that the node is as ``before``; nothing where it is.

    What packets or time may have made is among it, and ``carried``: a list that ``recent`` keeps, an element that a rule put
    into a set, one whose time is over.

    >>> chain = Part("rules", "filter FORWARD", "iptables", ("-A FORWARD -j DROP",), ordered=True)
    >>> [one.what for one in left_over(NodeState("gw", (chain,)), NodeState("gw", ()))]
    ['- iptables -A FORWARD -j DROP']
    """
    old, new = _by_name(before), _by_name(after)
    return tuple(chain.from_iterable(_of_one(old.get(key, ()), new.get(key, ())) for key in old | new))


def in_words(leftovers: Sequence[Leftover]) -> str:
    """The sentence that a report says of them.

    >>> in_words([Leftover("recent entries", "- recent banned: 192.0.2.1", carried=True)])
    'the node is as before, but for what packets and time made: 1 of recent entries'
    >>> in_words([Leftover("rules", "+ iptables -A FORWARD -j ACCEPT"), Leftover("routes", "- ip route default via 10.0.0.1")])
    'the node is not as before: 1 of rules, 1 of routes'
    """
    own, carried = (_counted(one for one in leftovers if one.carried is kind) for kind in (False, True))
    if own:
        return f"the node is not as before: {own}" + (f"; by packets and time: {carried}" if carried else "")
    return "the node is as before" + (f", but for what packets and time made: {carried}" if carried else "")


def _counted(leftovers: Iterator[Leftover]) -> str:
    return ", ".join(f"{count} of {kind}" for kind, count in Counter(one.kind for one in leftovers).items())


_Parts = Sequence[Part]


def _by_name(state: NodeState) -> dict[tuple[str, str], list[Part]]:
    found: dict[tuple[str, str], list[Part]] = {}
    for part in state.parts:
        found.setdefault((part.kind, part.name), []).append(part)
    return found


def _of_one(old: _Parts, new: _Parts) -> Iterator[Leftover]:
    """What differs of one thing, whose lines may each be changed by somebody else."""
    if old == new:
        return
    both = (*old, *new)
    by_packets = any(part.changed_by is ChangedBy.PACKETS for part in both)
    timed = {line for part in old if part.changed_by is ChangedBy.TIME for line in part.lines}
    one = both[0]
    lines = [line for part in old for line in part.lines], [line for part in new for line in part.lines]
    for sign, line in (_in_order if one.ordered else _in_any_order)(*lines):
        yield Leftover(one.kind, _printable(f"{sign} {one.shown} {line}".rstrip()), by_packets or line in timed)


def _in_any_order(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    had, has = Counter(old), Counter(new)
    for sign, lines in ((_GONE, had - has), (_NEW, has - had)):
        yield from ((sign, line) for line in lines.elements())


def _in_order(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    begin = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    old, new = old[begin:], new[begin:]
    had, has = Counter(old), Counter(new)
    if sum(count * has[line] for line, count in had.items()) > _MOST_PAIRS:
        yield from ((_GONE, line) for line in old)
        yield from ((_NEW, line) for line in new)
        return
    for _, from_old, to_old, from_new, to_new in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[from_old:to_old] != new[from_new:to_new]:
            yield from ((_GONE, line) for line in old[from_old:to_old])
            yield from ((_NEW, line) for line in new[from_new:to_new])


def _printable(text: str) -> str:
    """On one line; what is not printable becomes its escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
