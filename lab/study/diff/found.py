"""What the kernel confirmed, put together: one difference for all flows that the same rules treat in the same two ways."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from lab.record.difference import Aspect, Difference, Flow, FlowClass, Side
from lab.record.verdict import Verdict
from lab.ruleset.ownership import read_ownership
from lab.study.diff.compare import Treatment, differs, likeness, treatment
from lab.study.diff.sides import Both


@dataclass(slots=True)
class Found:
    """Filled flow by flow; ``node`` is the one under test."""

    node: str
    _groups: dict[Hashable, list[Difference]] = field(default_factory=dict)

    def add(
        self, flow: Flow, of: FlowClass, both: Both, rests_on: Sequence[str] = (), *, whole: bool = False
    ) -> Aspect | None:
        """Keep a flow if its verdicts differ, and say in what; ``whole`` as in `lab.study.diff.compare.treatment`."""
        old, new = (treatment(verdict, self.node, whole=whole) for verdict in both)
        aspect = differs(old, new)
        if aspect is not None:
            one = _difference(aspect, flow, replace(of, entered=of.entered or _entered(both, self.node)), both, old, new)
            self._groups.setdefault(likeness(aspect, old, new), []).append(replace(one, rests_on=tuple(rests_on)))
        return aspect

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All of them in order: by aspect, fail-open first, largest class first."""
        return tuple(sorted(map(_together, self._groups.values()), key=_place))


def _difference(aspect: Aspect, flow: Flow, of: FlowClass, both: Both, old: Treatment, new: Treatment) -> Difference:
    before, after = (one.through + one.answered for one in (old, new)) if aspect is Aspect.ALLOW else (0, 0)
    return Difference(aspect, flow, of, side(both.old), side(both.new), opens=before < after, closes=before > after)


def side(verdict: Verdict) -> Side:
    """One side as its verdict tells it, with who answers for the rule that decided."""
    rule = verdict.rule
    return Side(verdict, rule, *read_ownership(rule.comment if rule is not None else None))


def _entered(both: Both, node: str) -> tuple[str, ...]:
    paths = (path for verdict in both for path in verdict.path if path.node == node and path.entered is not None)
    return tuple(dict.fromkeys(str(path.entered) for path in paths))[:1]


def _together(alike: Sequence[Difference]) -> Difference:
    """Several that the same rules treat in the same two ways as one: its flow is of the largest class, and answered."""
    if len(alike) == 1:
        return alike[0]
    first = max(alike, key=lambda one: (one.of.size or 0, one.old.verdict.allowed or one.new.verdict.allowed))
    classes = [one.of for one in (first, *(other for other in alike if other is not first))]
    sizes = [one.size for one in classes]
    joined = FlowClass(
        _joined(one.sources for one in classes), _joined(one.destinations for one in classes),
        _joined(one.services for one in classes), None if None in sizes else sum(size or 0 for size in sizes),
        whole=False, entered=_joined(one.entered for one in classes),
    )  # fmt: skip
    return replace(first, of=joined, rests_on=_joined(one.rests_on for one in alike))


def _joined(words: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for several in words for word in several))


def _place(one: Difference) -> tuple[int, bool, bool, int, str]:
    return one.aspect.place, not one.opens, not one.closes, -(one.of.size or 0), str(one.flow)
