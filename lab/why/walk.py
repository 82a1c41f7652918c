"""Which rules a packet was held against on its way, base chain by base chain: those that matched, and those that did not.

The trace tells what matched.  Every rule of a chain before that one was asked too, and did not match: the kernel's word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lab.record.path import Path, Rule, Step
from lab.ruleset.held import Chains, HeldChain, HeldRule

_ENDS = frozenset(("accept", "drop", "queue", "stolen"))


@dataclass(slots=True)
class Frame:
    """A chain that the packet is in, how many of its rules it was held against, and the rule that sent it there."""

    chain: HeldChain
    asked: int = 0
    sent_by: HeldRule | None = None


@dataclass(slots=True)
class Base:
    """The way through one base chain and all that it leads to, from the step ``first`` on.

    ``missed`` are the rules that the packet was held against and that did not match, ``frames`` the chains that it was in where
    its way through this one ended, innermost last.  ``decided`` is the last rule that it met, with its policy's where that
    was it.
    """

    chain: HeldChain
    hook: str
    kind: str
    first: int
    missed: list[HeldRule] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    decided: Rule | None = None
    verdict: str = ""

    @property
    def missed_once(self) -> Collection[HeldRule]:
        """Each of them once, whatever sent the packet to its chain again."""
        return {id(rule): rule for rule in self.missed}.values()

    @property
    def ahead(self) -> tuple[tuple[HeldChain, int], ...]:
        """What would have come, had the last rule not ended it: chains, and how many rules of each are behind it already."""
        return tuple((frame.chain, frame.asked) for frame in reversed(self.frames))

    @property
    def senders(self) -> tuple[HeldRule, ...]:
        """The rules that sent it to where it ended, the first one first."""
        return tuple(frame.sent_by for frame in self.frames if frame.sent_by is not None)


def bases(path: Path, chains: Chains) -> tuple[Base, ...]:
    """The base chains that a packet came through; where what was told does not fit what is held, those before.

    >>> from lab.written.expect.example import PASSED
    >>> bases(PASSED.path[0], {})
    ()
    """
    return tuple(_bases(path, chains))


def _bases(path: Path, chains: Chains) -> Iterator[Base]:
    open_one: Base | None = None
    for place, step in enumerate(path.steps):
        if open_one is None:
            if step.rule is None:
                continue
            chain = chains.get((step.rule.family, step.table, step.chain))
            if chain is None or chain.hook is None:
                return
            open_one = Base(chain, step.hook, step.kind, place, frames=[Frame(chain)])
        if not _goes_on(open_one, step, chains):
            return
        if step.verdict in _ENDS:
            open_one.decided, open_one.verdict = step.rule, step.verdict
            yield open_one
            open_one = None


def _goes_on(base: Base, step: Step, chains: Chains) -> bool:
    """Take a step; False where it is none that could follow."""
    while base.frames and base.frames[-1].chain.name != step.chain:
        if len(base.frames) == 1:
            return False
        _leave(base)
    top = base.frames[-1]
    if step.rule is None:
        _leave(base)
        return bool(base.frames)
    number = step.rule.number
    if number is None:
        base.missed += top.chain.rules[top.asked:]
        top.asked = len(top.chain.rules)
        return True
    if number <= top.asked or number > len(top.chain.rules) or top.chain.rules[number - 1].text != step.rule.text:
        return False
    held = top.chain.rules[number - 1]
    base.missed += top.chain.rules[top.asked: number - 1]
    top.asked = number
    return _follow(base, held, step.verdict, chains)


def _follow(base: Base, held: HeldRule, verdict: str, chains: Chains) -> bool:
    how, _, name = verdict.partition(" ")
    if how in ("jump", "goto"):
        chain = chains.get((held.family, held.table, name))
        if chain is None:
            return False
        if how == "goto":
            _close(base)
        base.frames.append(Frame(chain, 0, held))
    elif how == "return":
        _close(base)
    return True


def _close(base: Base) -> None:
    """What stands behind this rule in its chain is not asked; a base chain's policy still is."""
    if len(base.frames) > 1:
        base.frames.pop()
    else:
        base.frames[0].asked = len(base.frames[0].chain.rules)


def _leave(base: Base) -> None:
    """The chain ended without a rule that ended it."""
    frame = base.frames.pop()
    base.missed += frame.chain.rules[frame.asked:]
