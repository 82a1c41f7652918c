"""Translated, and not meant to be."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.hint import Hint
from lab.record.path import End, Path, Rule
from lab.ruleset.asked import DESTINATION_IN, LOCAL_DESTINATION, SOURCE_IN
from lab.ruleset.conditions import DESTINATIONS, ENTERED, LEFT, SOURCES
from lab.ruleset.held import HeldRule
from lab.why.case import Case
from lab.why.walk import bases
from lab.why.wording import place, text_of, unnamed, with_text
from lab.written.expect.arrives import ARRIVES

_FEW = 3
_ABOUT = (ENTERED, DESTINATIONS, DESTINATION_IN, LOCAL_DESTINATION)
_WITHOUT_ADDRESS = frozenset((
    "tcp", "udp", "sctp", "icmp", "comment", "mark", "connmark", "multiport", "state", "conntrack", "limit",
))  # fmt: skip


def catches_too_much(case: Case) -> Iterator[Hint]:
    """A translation of a packet that was not for the node that translated it, by a rule that asks neither where it came from
    nor where it goes: told where it was to arrive elsewhere than it did, or to come through and did not.
    """
    if not case.should_pass:
        return
    for path in case.verdict.path:
        rule = next((rule for rule in reversed(path.translated_by) if rule.translates == "destination"), None)
        if rule is None or case.topology.owner(path.entry.destination) == path.node or _meant(case, path):
            continue
        held = _held(case, path, rule)
        if held is not None and all(_asks_nothing(one) for one in held):
            was, now = path.entry.end_point("destination"), (path.exit or path.head(-1)).end_point("destination")
            yield Hint(
                f"it was for {was}{_whose(case, path)}, and {with_text(rule)} translated it to {now}: "
                f"no rule of nat on its way there asks for an interface or a destination{_marked(path, held)}",
                "let it ask for the interface, `iifname`, or the address, `daddr`, that it is meant for" if rule.is_native else
                "let it ask for the interface, `-i`, or the address, `-d`, that it is meant for",
            )


def _whose(case: Case, path: Path) -> str:
    own = path.node in case.topology.owners(path.entry.destination)
    return "" if own else f", which is not {path.node}'s own address"


def hides_the_source(case: Case) -> Iterator[Hint]:
    """A translation of the source of what was to arrive with its own."""
    wanted, arrived = case.expect.get(ARRIVES), case.verdict.arrived
    sent = case.verdict.observation.sent.source
    if not case.should_pass or wanted is None or arrived is None:
        return
    if wanted.source not in ("kept", sent) or arrived.source == sent:
        return
    for path in case.verdict.path:
        rule = next((rule for rule in reversed(path.translated_by) if rule.translates == "source"), None)
        if rule is None or path.exit is None or path.exit.source == path.entry.source:
            continue
        held = _held(case, path, rule) or ()
        by = f", sent there by {' and '.join(map(_shortly, held[:-1][-_FEW:]))}" if held[:-1] else ""
        anyone = held and not any(_asks(one, SOURCES, SOURCE_IN) for one in held)
        other = next((one for one in path.translated_by if one.translates == "destination"), None)
        mixed = f"; its destination was translated too, by {unnamed(other)}" if other is not None else ""
        yield Hint(
            f"{with_text(rule)} translated its source {path.entry.source} to {path.exit.source}{by}"
            + (", and none of them asks for a source" if anyone and by else ", and asks for no source" if anyone else "")
            + mixed,
            "" if not anyone or any(_asks(one, LEFT) for one in held) else
            "let it ask for the interface, `oifname`, or the source, `saddr`, that it is meant for" if rule.is_native else
            "let it ask for the interface, `-o`, or the source, `-s`, that it is meant for",
        )


def _asks(rule: HeldRule, *fields: str) -> bool:
    """Whether it asks for one of these, or may."""
    return rule.whole is None or any(asked.field in fields and not asked.negated for asked in rule.whole.asked)


def _shortly(rule: HeldRule) -> str:
    return f"{place(rule)} (`{text_of(rule.text)}`)"


def _meant(case: Case, path: Path) -> bool:
    """Whether it arrived where the row wants it."""
    wanted = case.expect.get(ARRIVES)
    arrived = case.verdict.arrived
    return wanted is not None and arrived is not None and arrived.at in wanted.at and path.end is not End.DROPPED


def _held(case: Case, path: Path, rule: Rule) -> tuple[HeldRule, ...] | None:
    """The translating rule as the node holds it, behind those that sent the packet there; None where that is not known."""
    for base in bases(path, case.chains(path.node)):
        if base.decided == rule and base.frames:
            top = base.frames[-1]
            return (*base.senders, top.chain.rules[(rule.number or 1) - 1])
    return None


def _asks_nothing(rule: HeldRule) -> bool:
    """Whether none of what it asks is where the packet came from or is for; of a mark that is asked elsewhere."""
    if rule.whole is not None:
        return all(asked.field not in _ABOUT for asked in rule.whole.asked)
    plain = rule.matches is not None and _WITHOUT_ADDRESS.issuperset(rule.matches)
    return plain and all(one.field not in _ABOUT for one in rule.conditions) and "ctorig" not in rule.text


def _marked(path: Path, held: tuple[HeldRule, ...]) -> str:
    """Which rule set the mark that these ask for."""
    if not any("mark" in (rule.matches or ()) for rule in held):
        return ""
    by = [step.rule for step in path.steps if step.rule is not None and step.rule.target == "MARK"]
    return f"; its mark is from {by[-1]}" if by else ""
