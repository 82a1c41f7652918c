"""In what two verdicts of the same flow differ, at the node under test: the gravest of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from lab.record.difference import Aspect
from lab.record.packet import ICMPS, Packet
from lab.record.path import Path, Rule, rules_on
from lab.record.verdict import Kind, Verdict

STOPPED, CUT, THROUGH = 0, 1, 2
"""How far a flow came: no packet of it passed the node; one did, and a rule stopped it or its answer later; it passed."""
_LOGGING = frozenset(("LOG", "NFLOG", "ULOG", "log"))
_ACCEPT = "ACCEPT"
_DESTINATION = ("DNAT", "REDIRECT", "NETMAP")
_THROUGH = (Kind.ALLOWED, Kind.CLOSED)


class Treatment(NamedTuple):
    """What became of a flow at one node, as far as two of them can be compared.

    ``through`` is one of `STOPPED`, `CUT`, `THROUGH`.  ``refusal`` is empty for what came through, ``ends`` and ``way`` (packet
    mark, mark of the flow, interface) for what did not.  ``logged`` are the prefixes that the first packet and its answer met,
    ``logged_later`` those of all behind them, None where these were not traced.  ``rule`` decided, ``translators`` changed
    addresses or ports.
    """

    kind: Kind
    through: int
    refusal: tuple[Hashable, ...]
    ends: tuple[Hashable, ...]
    way: tuple[Hashable, ...]
    arrived: tuple[Hashable, ...]
    logged: tuple[str, ...]
    logged_later: frozenset[str] | None
    rule: Rule | None
    translators: tuple[Rule, ...]

    @property
    def answered(self) -> bool:
        """Whether somebody was there at the other end."""
        return self.kind in _THROUGH


def treatment(verdict: Verdict, node: str, *, whole: bool = False) -> Treatment:
    """What a verdict says of ``node``; ``whole``: every packet of the exchange was traced, not the first ones alone."""
    paths = [path for path in verdict.path if path.node == node]
    through = _through(verdict)
    translators = tuple(rule for path in paths for rule in path.translated_by)
    passed = through != STOPPED
    arrived = verdict.arrived
    return Treatment(
        verdict.kind,
        through,
        (verdict.kind, verdict.reject, verdict.muted) if through != THROUGH else (),
        _ends(paths, translators) if passed else (),
        (_marks(verdict, paths, node), paths[-1].out) if passed and paths else (),
        (arrived.at, arrived.address, arrived.port) if arrived is not None else (),
        (*_logged(paths), *_logged([path for path in verdict.observation.answer if path.node == node])),
        _logged_later(verdict, node) if whole else None,
        verdict.rule,
        translators,
    )


def _through(verdict: Verdict) -> int:
    if verdict.kind in _THROUGH:
        return THROUGH
    if not verdict.passed_node and verdict.kind is not Kind.UNANSWERED:
        return STOPPED
    return THROUGH if verdict.stopped_by is None else CUT


def _ends(paths: Sequence[Path], translators: Sequence[Rule]) -> tuple[Hashable, ...]:
    """The addresses and ports that the packet left with; its source port where a rule changed it, and not by chance."""
    if not paths:
        return ()
    first, last = paths[0].entry, paths[-1].exit or paths[-1].entry
    by_chance = any("random" in rule.text for rule in translators)
    return last.source, _port(first, last, "sport", by_chance), last.destination, _port(first, last, "dport", by_chance)


def _port(first: Packet, last: Packet, end: str, by_chance: bool) -> int | None:  # noqa: FBT001 - of one translation
    before, after = getattr(first, end), getattr(last, end)
    return None if before == after or by_chance or first.proto in ICMPS else after


def _marks(verdict: Verdict, paths: Sequence[Path], node: str) -> tuple[int, int]:
    flow = next((entry.mark for entry in verdict.observation.conntrack if entry.node == node), 0)
    return paths[-1].mark, flow


def _logged(paths: Sequence[Path]) -> tuple[str, ...]:
    return tuple(
        rule.log_prefix or "" for rule in rules_on(paths) if rule.log_prefix is not None or rule.target in _LOGGING
    )


def _logged_later(verdict: Verdict, node: str) -> frozenset[str]:
    seen = verdict.observation
    return frozenset(
        _logged([path for path in seen.others if path.node == node and path.entry.proto == seen.sent.proto])
    )


def compare(old: Verdict, new: Verdict, node: str, *, whole: bool = False) -> Aspect | None:
    """The gravest aspect in which two verdicts of the same flow differ at ``node``; None where they do not.

    ``whole`` as in `treatment`.
    Of a `lost` one nothing is known, so it differs in nothing: whoever calls looks for that before.

    >>> from lab.written.expect.example import PASSED
    >>> compare(PASSED, PASSED, "gateway") is None
    True
    """
    if Kind.LOST in (old.kind, new.kind):
        return None
    return differs(treatment(old, node, whole=whole), treatment(new, node, whole=whole))


def differs(old: Treatment, new: Treatment) -> Aspect | None:
    """The gravest aspect in which they differ."""
    for aspect, same in _SAME:
        if not same(old, new):
            return aspect
    return None


def _same_way(old: Treatment, new: Treatment) -> bool:
    return old.way == new.way and (not old.arrived or not new.arrived or old.arrived == new.arrived)


def _same_logs(old: Treatment, new: Treatment) -> bool:
    later = old.logged_later, new.logged_later
    return old.logged == new.logged and (None in later or later[0] == later[1])


def same_rule(old: Rule | None, new: Rule | None) -> bool:
    """Whether the same rule decided, by its text with its comment; a policy by its chain and word.

    No rule is as good as a policy that accepts.  Of rules in different dialects only comments can be compared.
    """
    old, new = _said(old), _said(new)
    if old is None or new is None:
        return old is new
    if old.is_native != new.is_native:
        return None in (old.comment, new.comment) or old.comment == new.comment
    if old.number is None and new.number is None:
        return (old.chain, old.target) == (new.chain, new.target)
    return (old.number is None) == (new.number is None) and old.text.split() == new.text.split()


def _said(rule: Rule | None) -> Rule | None:
    silent = rule is not None and rule.number is None and (rule.target or "").upper() == _ACCEPT
    return None if silent else rule


_SAME: Sequence[tuple[Aspect, Callable[[Treatment, Treatment], bool]]] = (
    (Aspect.ALLOW, lambda old, new: old.through == new.through),
    (Aspect.REFUSAL, lambda old, new: old.refusal == new.refusal),
    (Aspect.TRANSLATION, lambda old, new: old.ends == new.ends),
    (Aspect.WAY, _same_way),
    # passed on alike, and it fared otherwise behind the node: no rule says why
    (Aspect.ALLOW, lambda old, new: old.kind == new.kind),
    (Aspect.LOG, _same_logs),
    (Aspect.RULE, lambda old, new: same_rule(old.rule, new.rule)),
)


def place(rule: Rule | None) -> Hashable:
    """What tells a rule from all others of its side."""
    return None if rule is None else (rule.node, rule.family, rule.table, rule.chain, rule.number)


def _led_elsewhere(one: Treatment) -> tuple[Hashable, ...]:
    """The rules that gave a flow another destination: what is published is another thing than the server behind it."""
    return tuple(place(rule) for rule in one.translators if (rule.target or "").upper() in _DESTINATION)


def likeness(aspect: Aspect, old: Treatment, new: Treatment) -> Hashable:
    """What flows have in common that are told as one difference: the rules that decided, and what is otherwise."""
    what: Hashable = None
    if aspect is Aspect.ALLOW:
        what = old.through, new.through, _led_elsewhere(old), _led_elsewhere(new)
    elif aspect is Aspect.REFUSAL:
        what = old.refusal[:2], new.refusal[:2]
    elif aspect is Aspect.TRANSLATION:
        what = tuple(map(place, old.translators)), tuple(map(place, new.translators))
    elif aspect is Aspect.WAY:
        what = old.way, new.way
    elif aspect is Aspect.LOG:
        what = old.logged, old.logged_later, new.logged, new.logged_later
    return aspect, place(old.rule), place(new.rule), what
