"""What rules would have done with a packet that did not come to them: told as far as that is sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.ruleset.addresses import address_of
from lab.ruleset.aimed import Seen, may_match
from lab.ruleset.asked import TOGETHER, Asked, Met, has
from lab.ruleset.effects import ACCEPTS, DENIES, GOES, LEADS, PASSES_ON, RETURNS, TRANSLATES, UNKNOWN, effect_of_word
from lab.ruleset.held import Chains, HeldChain, HeldRule

_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Coming:
    """A rule that surely matches and ends the packet's way through its base chain; ``by`` are the rules that lead there.

    ``doubts`` are what rules before it may do, of which nobody knows whether they match.
    """

    rule: HeldRule
    effect: str
    by: tuple[HeldRule, ...]
    doubts: frozenset[str]


def matches(rule: HeldRule, met: Met) -> bool | None:
    """Whether the packet has all that the rule asks; None where that is not known.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> rule = rule_in_line("v4", "-A INPUT -p tcp --dport 22 -j ACCEPT")
    >>> matches(rule, Met(4, "tcp", 1, 2, dport=22)), matches(rule, Met(4, "udp", 1, 2, dport=22))
    (True, False)
    """
    if rule.whole is None:
        return None if may_match(rule, _known_of(met)) else False
    known: bool | None = True
    for asked in rule.whole.asked:
        found = has(asked, met)
        if found is False:
            return False
        known = known if found else None
    return known


def _known_of(met: Met) -> Seen:
    return Seen(
        met.proto,
        (str(address_of(met.source, met.family)),),
        (str(address_of(met.destination, met.family)),),
        None if met.sport is None else ((met.sport, met.sport),),
        None if met.dport is None else ((met.dport, met.dport),),
        None if met.entered is None else (met.entered,),
        None if met.left is None else (met.left,),
        met.states,
    )


def only_miss(rule: HeldRule, met: Met) -> Asked | None:
    """The one thing that the rule asks and that the packet has not; None where there are more, or not all is known.

    The kernel held the packet against the rule, which did not match: what is left where all else holds, it has not.
    """
    if rule.whole is None:
        return None
    missed: Asked | None = None
    for asked in rule.whole.asked:
        found = False if asked.field == TOGETHER else has(asked, met)
        if found is None or (found is False and missed is not None):
            return None
        if found is False:
            missed = asked
    return missed


def coming(chains: Chains, frames: Sequence[tuple[HeldChain, int]], met: Met) -> Iterator[Coming]:
    """The rules that come next and surely match, in their order, each time as if those before had let it go on.

    ``frames`` are chains with how many of their rules are behind the packet, innermost first.  It ends where nobody knows
    what comes next.
    """
    walk = _Walk(chains, met)
    for chain, asked in frames:
        yield from walk.through(chain, asked, ())
        if walk.lost:
            return


def is_met_by_none(chains: Chains, chain: HeldChain, met: Met) -> bool:
    """Whether the packet would surely have come to the policy of this base chain.

    >>> is_met_by_none({}, HeldChain("ip", "filter", "INPUT", (), "input", "filter", "DROP"), Met(4, "tcp", 1, 2))
    True
    """
    walk = _Walk(chains, met)
    return not any(True for _ in walk.through(chain, 0, ())) and not walk.lost and not walk.doubts


class _Walk:
    """A way through rules, as it would have been; ``lost`` once it is not known where it goes.

    ``doubts`` are what may have become of it by rules of which nobody knows whether they match.
    """

    def __init__(self, chains: Chains, met: Met) -> None:
        self._chains, self._met = chains, met
        self.doubts: set[str] = set()
        self.lost = False

    def through(self, chain: HeldChain, asked: int, by: tuple[HeldRule, ...]) -> Iterator[Coming]:
        """From rule to rule of a chain, to its end."""
        for rule in chain.rules[asked:]:
            known = matches(rule, self._met)
            if known is False:
                continue
            if known is None:
                self._doubt(rule)
            else:
                effect, name = self._does(rule)
                if effect in (ACCEPTS, DENIES, TRANSLATES):
                    yield Coming(rule, effect, by, frozenset(self.doubts))
                elif effect in (LEADS, GOES):
                    yield from self._into(rule, name, by)
                    if effect == GOES:
                        return
                elif effect == RETURNS:
                    return
                elif effect == UNKNOWN:
                    self.lost = True
            if self.lost:
                return

    def _into(self, rule: HeldRule, name: str, by: tuple[HeldRule, ...]) -> Iterator[Coming]:
        chain = self._chains.get((rule.family, rule.table, name))
        if chain is None or len(by) > _DEPTH:
            self.lost = True
            return
        yield from self.through(chain, 0, (*by, rule))

    def _does(self, rule: HeldRule) -> tuple[str, str]:
        """What becomes of it, and the chain that it is sent to."""
        if rule.whole is not None and rule.whole.verdicts:
            verdict = next((verdict for key, verdict in rule.whole.verdicts if has(key, self._met)), "")
            how, _, name = verdict.partition(" ")
            return ({"jump": LEADS, "goto": GOES}.get(how) or effect_of_word(how)), name
        return rule.effect, rule.jump_to[0] if rule.jump_to else ""

    def _doubt(self, rule: HeldRule) -> None:
        """A rule of which it is not known whether it matches: what it would do may have been done."""
        effect = rule.effect
        if effect in (ACCEPTS, DENIES, TRANSLATES):
            self.doubts.add(effect)
        elif effect == LEADS:
            self.doubts |= self._effects_in(rule, 0)
        elif effect != PASSES_ON:
            self.lost = True

    def _effects_in(self, rule: HeldRule, depth: int) -> set[str]:
        """What may become of a packet in the chains that a rule leads to."""
        found: set[str] = set()
        for name in rule.jump_to:
            chain = self._chains.get((rule.family, rule.table, name))
            if chain is None or depth > _DEPTH:
                return {ACCEPTS, DENIES, TRANSLATES}
            for inner in chain.rules:
                effect = inner.effect
                if effect in (ACCEPTS, DENIES, TRANSLATES):
                    found.add(effect)
                elif effect in (LEADS, GOES, UNKNOWN):
                    found |= self._effects_in(inner, depth + 1) if inner.jump_to else {ACCEPTS, DENIES, TRANSLATES}
        return found
