"""Which rules a packet was held against on its way, base chain by base chain: those that matched, and those that did not.

The trace tells what matched.  Every rule of a chain before that one was asked too, and did not match: the kernel's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.record.path import Path, Rule, Step
from lab.ruleset.held import Chains, HeldChain, HeldRule

_REWRITES = ("addr set ", "port set ")
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

    ``spans`` are where in which chains the rules stand that it was held against and that did not match, ``frames`` the chains
    that it was in where its way through this one ended, innermost last.  ``decided`` is the last rule that it met, or the
    policy.  ``returned`` are the rules that sent it out of their chains for good,
    each with its chain.
    """

    chain: HeldChain
    hook: str
    kind: str
    first: int
    spans: list[tuple[HeldChain, int, int]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    returned: list[tuple[HeldRule, HeldChain]] = field(default_factory=list)
    decided: Rule | None = None
    verdict: str = ""

    @property
    def missed(self) -> Iterator[HeldRule]:
        """The rules that did not match, each once, whatever sent the packet to its chain again."""
        told: set[int] = set()
        several = len({id(chain) for chain, _, _ in self.spans}) < len(self.spans)
        for chain, low, high in self.spans:
            for rule in chain.rules[low:high]:
                if several and id(rule) in told:
                    continue
                if several:
                    told.add(id(rule))
                yield rule

    def pass_over(self, frame: Frame, to: int) -> None:
        """The rules of a chain up to this one were asked, and did not match."""
        if frame.asked < to:
            self.spans.append((frame.chain, frame.asked, to))
        frame.asked = to

    @property
    def ahead(self) -> tuple[tuple[HeldChain, int], ...]:
        """What would have come, had the last rule not ended it: chains, and how many rules of each are behind it already."""
        return tuple((frame.chain, frame.asked) for frame in reversed(self.frames))

    @property
    def senders(self) -> tuple[HeldRule, ...]:
        """The rules that sent it to where it ended, the first one first."""
        return tuple(frame.sent_by for frame in self.frames if frame.sent_by is not None)


def bases(path: Path, chains: Chains) -> tuple[Base, ...]:
    """The base chains that a packet came through; none where what was told does not fit what is held.

    >>> from lab.written.expect.example import PASSED
    >>> bases(PASSED.path[0], {})
    ()
    """
    found: list[Base] = []
    open_one: Base | None = None
    for place, step in enumerate(path.steps):
        if open_one is None:
            if step.rule is None:
                continue
            chain = chains.get((step.rule.family, step.table, step.chain))
            if chain is None or chain.hook is None:
                return ()
            open_one = Base(chain, step.hook, step.kind, place, frames=[Frame(chain)])
        if not _goes_on(open_one, step, chains):
            return ()
        ended = step.verdict.partition(" ")[0]  # the rest is what a reader said in a queue
        if ended in _ENDS:
            open_one.decided, open_one.verdict = step.rule, ended
            found.append(open_one)
            open_one = None
    return tuple(found)


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
        base.pass_over(top, len(top.chain.rules))
        return True
    if number <= top.asked or number > len(top.chain.rules) or top.chain.rules[number - 1].text != step.rule.text:
        return False
    held = top.chain.rules[number - 1]
    if any(word in held.text for word in _REWRITES):
        return False  # what comes behind it saw other headers
    base.pass_over(top, number - 1)
    top.asked = number
    return _follow(base, held, step.verdict, chains)


def _follow(base: Base, held: HeldRule, verdict: str, chains: Chains) -> bool:
    how, _, name = verdict.partition(" ")
    if how in ("jump", "goto"):
        chain = chains.get((held.family, held.table, name))
        if chain is None:
            return False
        if how == "goto":
            base.returned.append((held, base.frames[-1].chain))
            _close(base)
        base.frames.append(Frame(chain, 0, held))
    elif how == "return":
        base.returned.append((held, base.frames[-1].chain))
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
    base.pass_over(frame, len(frame.chain.rules))
