"""The two sides of a difference: a lab for each, and flows asked on both of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.errors import InputError, MeasurementError
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.probe.question import Question, question_of
from lab.record.difference import Flow
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.held import Chains
from lab.ruleset.whims import is_chance
from lab.study.diff.proposer import Holds
from lab.written.sending import sending


def question_for(lab: Lab, flow: Flow, node: str) -> Question:
    """What is sent for a flow past ``node``; InputError where it cannot be."""
    how = sending(sport=flow.sport, flags=flow.flags)
    one = lab.asked(flow.node, flow.destination, flow.service, source=flow.source, family=flow.family, how=how)
    how.fits(one.service)
    return question_of(one, how, node)


@dataclass(frozen=True, slots=True)
class _Nothing:
    """What a node without a policy holds."""

    chains: Chains = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


_NOTHING = _Nothing()
_AT_ONCE = 128  # flows between one canary and the next


class Both(NamedTuple):
    """What became of one flow on both sides."""

    old: Verdict
    new: Verdict

    @property
    def lost(self) -> Verdict | None:
        """The side of which nothing is proven; None where both are."""
        return next((one for one in self if one.kind is Kind.LOST), None)


@dataclass(frozen=True, slots=True)
class Sides:
    """Two labs of one topology, ``node`` being under test in both."""

    old: Lab
    new: Lab
    node: str

    @property
    def held(self) -> tuple[Holds, Holds]:
        """What the node holds on either side."""
        return self.old.policies.get(self.node, _NOTHING), self.new.policies.get(self.node, _NOTHING)

    def ask(self, question: Question, *, as_first: bool = True) -> Both:
        """The verdicts of both sides, as if it were the first question that was ever asked of them."""
        old, new = (lab.ask(question, self.node, as_first=as_first, logs=True) for lab in (self.old, self.new))
        return Both(old, new)

    def ask_closely(self, question: Question) -> Both:
        """The same with every packet of TCP traced, not those with SYN alone."""
        with self.old.everything_traced(), self.new.everything_traced():
            return self.ask(question)

    def chances(self, question: Question) -> tuple[frozenset[str], frozenset[str]]:
        """The rules of either side that may decide of a flow by chance, by their texts."""
        old, new = (frozenset(filter(is_chance, lab.whims(question))) for lab in (self.old, self.new))
        return old, new

    def remembers(self, question: Question) -> bool:
        """Whether rules of a side may treat the next packet of this flow otherwise."""
        return any(lab.remembers(question, logs=True) for lab in (self.old, self.new))

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One batch on both sides."""
        with self.old.batch(), self.new.batch():
            yield


@contextmanager
def two_labs(old: Scene, new: Scene, node: str, backends: tuple[Backend, Backend]) -> Iterator[Sides]:
    """Both sides, or the old one twice where they are the same; raises as a `Lab` does when one is refused."""
    with ExitStack() as undo:
        first = undo.enter_context(Lab(old.topology, old.policies, backend=backends[0]))
        if same_text(old, new, backends):
            yield Sides(first, first, node)
            return
        yield Sides(first, undo.enter_context(Lab(old.topology, new.policies, backend=backends[1])), node)


def same_text(old: Scene, new: Scene, backends: tuple[Backend, Backend]) -> bool:
    """Whether both sides are given the same, wherever it is written."""
    texts = [{node: rulesets.texts() for node, rulesets in scene.policies.items()} for scene in (old, new)]
    return texts[0] == texts[1] and backends[0] is backends[1]


def same_rules(sides: Sides) -> bool:
    """Whether the kernel holds the same on both sides, so that no packet can tell them apart.

    Of native rules that is not told: their listing has no elements of sets that packets change.
    """
    if sides.old is sides.new:
        return True
    if sides.old.backend is not sides.new.backend:
        return False
    policies = sides.old.policies, sides.new.policies
    if any(rule.is_native for held in policies for policy in held.values() for rule in policy.rules()):
        return False
    old, new = ({node: (one.listing, one.texts.get("ipset")) for node, one in held.items()} for held in policies)
    return old == new


def ask_all(
    sides: Sides, flows: Sequence[Flow], found: Callable[[int, Question, Both], None],
    refused: Callable[[InputError], None], blind: Callable[[int, str], None], progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Ask all ``flows`` on both sides; each is told by its number: what was ``found``, ``refused`` or not proven (``blind``).

    Nothing is told of a batch before it is known that the instruments saw all of it; where a measurement fails, nothing of its
    batch is proven.  Ctrl-C is raised when what was asked until then is told.
    """
    progress(0, len(flows))
    for start in range(0, len(flows), _AT_ONCE):
        batch = dict(enumerate(flows[start : start + _AT_ONCE], start))
        asked: list[tuple[int, Question, Both]] = []
        stopped: KeyboardInterrupt | None = None
        try:
            with sides.batch():
                try:
                    for number, flow in tuple(batch.items()):
                        try:
                            question = question_for(sides.old, flow, sides.node)
                            asked.append((number, question, sides.ask(question)))
                        except InputError as error:
                            refused(error)
                            del batch[number]
                        progress(number + 1, len(flows))
                except KeyboardInterrupt as error:
                    stopped = error
        except MeasurementError as error:
            for number in batch if stopped is None else [number for number, *_ in asked]:
                blind(number, error.problems[0].what)
        else:
            for one in asked:
                found(*one)
        if stopped is not None:
            raise stopped
    progress(len(flows), len(flows))
