"""What two policies of one node do differently: proposed by a model or sampled, and confirmed by the kernel flow by flow."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.errors import InputError, LabError, Problem, as_lab_error, gravest, interrupted_code
from lab.model.proposal import Proposal
from lab.prepare.scene import Scene
from lab.probe.question import Question
from lab.record.difference import Aspect, Denied, DiffReport, Flow, FlowClass, Reached
from lab.ruleset.backend import Backend
from lab.study.diff.compare import compare
from lab.study.diff.found import Found
from lab.study.diff.free import again, elsewhere, same_but_for_chance
from lab.study.diff.grounds import Grounds
from lab.study.diff.proposer import NoModel, Proposer
from lab.study.diff.sample import sample
from lab.study.diff.sides import Both, Sides, ask_all, question_for, same_rules, two_labs
from lab.written.topology import Topology


def diff(
    old: Scene, new: Scene, node: str, *, backends: tuple[Backend, Backend], families: Sequence[int], names: tuple[str, str],
    progress: Callable[[int, int], None], proposer: Proposer | None = None, seed: int = 0,
) -> DiffReport:  # fmt: skip
    """Ask what the policies of ``node`` in two scenes of one topology treat differently.

    ``backends`` are the iptables of the old and of the new side, ``names`` what the sides are called.  ``progress`` is told how
    many of how many flows are asked.  Without a ``proposer``, and where that has no model, flows are sampled by ``seed``.
    Raises InputError when a side is refused.  Ctrl-C, and whatever else stops it once both sides stand, ends it with what is
    done.
    """
    start = time.perf_counter()
    if node not in old.topology.nodes:
        what = f"topology {old.topology.topology} has no node {node!r} that two policies could be compared at"
        raise InputError(Problem(what, mend=f"its nodes are {', '.join(old.topology.nodes)}"))
    families = _families_of(old.topology, families)
    with two_labs(old, new, node, backends) as sides:
        study = _Study(sides, names)
        try:
            if not same_rules(sides):
                study.propose(families, proposer, seed)
                study.ask(progress)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, what was finished is told
            study.stopped = error
    report = study.report(_notes((old, new), names, families))
    return replace(report, topology=old.topology.topology, seconds=time.perf_counter() - start)


def _families_of(topology: Topology, families: Iterable[int]) -> list[int]:
    return [family for family in families if any(topology.addresses(name, family) for name in topology.nodes)]


def _notes(scenes: tuple[Scene, Scene], names: tuple[str, str], families: Sequence[int]) -> tuple[str, ...]:
    """What a reader must know of both sides, or of one, which is then named."""
    of = [scene.notes(families) for scene in scenes]
    both = [note for note in of[0] if note in of[1]]
    alone = (f"{name}: {note}" for name, notes in zip(names, of, strict=True) for note in notes if note not in both)
    return (*both, *alone)


@dataclass(slots=True)
class _Study:
    """One difference while it is studied: what is asked, and what came of it so far."""

    sides: Sides
    names: tuple[str, str]
    proposals: list[tuple[Flow, FlowClass, Proposal | None]] = field(default_factory=list)
    reached: Reached = field(default_factory=lambda: Reached(0, 0))
    denied: list[Denied] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    open: list[tuple[Proposal, Question | None, Both | None]] = field(default_factory=list)
    unsendable: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    by_chance: int = 0
    notes: list[str] = field(default_factory=list)
    stopped: BaseException | None = None
    found: Found = field(init=False)

    def __post_init__(self) -> None:
        self.found = Found(self.sides.node)

    def propose(self, families: Sequence[int], proposer: Proposer | None, seed: int) -> None:
        """Collect what is asked, family by family: of the model, or sampled where there is none."""
        old, new = self.sides.held
        topology, node = self.sides.old.topology, self.sides.node
        but_for: Counter[str] = Counter()
        unsendable: Counter[str] = Counter()
        both_families = any(key[0] == "inet" for holds in (old, new) for key in holds.chains)
        for family in families:
            proposed = None
            if proposer is not None:
                try:
                    proposed = proposer(old, new, topology, node, family)
                except NoModel as why:
                    self.notes.append(f"{why}: flows were sampled, and another difference may be there")
            if proposed is not None:
                self.proposals += [(one.flow, one.of, one) for one in proposed.proposals]
                of_family = Counter(proposed.but_for)
                but_for = but_for | of_family if both_families else but_for + of_family
                unsendable += Counter(proposed.unsendable)
                self.reached = replace(self.reached, classes=self.reached.classes + len(proposed.proposals))
                continue
            sampled = sample((old, new), topology, node, family, seed)
            self.proposals += [(flow, _alone(flow), None) for flow in sampled.flows]
            classes = self.reached.classes + sampled.classes
            self.reached = replace(self.reached, classes=classes, sampled=True, seed=seed)
        self.reached = replace(
            self.reached, but_for=_counted(but_for, "rule", "rules"), unsendable=_counted(unsendable, "class", "classes")
        )

    def ask(self, progress: Callable[[int, int], None]) -> None:
        """Ask all of it on both sides."""
        flows = [flow for flow, *_ in self.proposals]
        ask_all(self.sides, flows, self._found, self._refused, self._blind, progress)
        self.sample_open()

    def _found(self, number: int, question: Question, both: Both) -> None:
        flow, of, proposal = self.proposals[number]
        self.asked += 1
        for name, verdict in zip(self.names, both, strict=True):
            if verdict is both.lost:
                self.lost.append(f"{flow}: {name}: {verdict.proof}")
                return
        rests_on = proposal.rests_on if proposal is not None else ()
        aspect = compare(*both, self.sides.node)
        if proposal is not None and proposal.rests_on and _is_less(aspect, proposal.aspect):
            self.open.append((proposal, question, both))
        elif aspect is None:
            if proposal is not None:
                self._unconfirmed(proposal, question, both)
        elif same_but_for_chance(self.sides, question, both):
            self.by_chance += 1
        else:
            self.found.add(flow, of, both, rests_on)

    def _unconfirmed(self, proposal: Proposal, question: Question, both: Both) -> None:
        """What no kernel shows is none; what hangs on a condition that no model reads may show in another state, or flow."""
        with self.sides.batch():
            closer = self.sides.ask_closely(question)
            chance = any(self.sides.chances(question))
        if not chance and closer.lost is None and self.found.add(proposal.flow, proposal.of, closer, whole=True) is not None:
            return
        old, new = (f"{side.outcome} ({side.rule})" for side in (proposal.old, proposal.new))
        self.denied.append(Denied(proposal.flow, f"{proposal.aspect}: {old} > {new}", f"{both.old} > {both.new}"))
        self.open.append((proposal, None, None))

    def sample_open(self) -> None:
        """Look on: for what hangs on conditions that no model reads, and elsewhere in the class of what was denied."""
        for proposal, question, first in self.open:
            with self.sides.batch():
                seen: list[tuple[Flow, Both]] = [(proposal.flow, first)] if first is not None else []
                for flow, both in self._further(proposal, question):
                    if both.lost is None:
                        seen.append((flow, both))
                        wanted = proposal.aspect if first is not None else Aspect.RULE
                        if not _is_less(compare(both.old, both.new, self.sides.node), wanted):
                            break
            seen.sort(key=lambda one: _gravity(compare(one[1].old, one[1].new, self.sides.node)))
            for flow, both in seen[:1]:
                of = replace(proposal.of, whole=proposal.of.whole and flow == proposal.flow)
                self.found.add(flow, of, both, proposal.rests_on)

    def _further(self, proposal: Proposal, question: Question | None) -> Iterator[tuple[Flow, Both]]:
        if question is not None:
            yield from ((proposal.flow, both) for both in again(self.sides, question))
        grounds = Grounds(self.sides.old.topology, self.sides.node, proposal.flow.family)
        for flow in elsewhere(proposal.flow, proposal.of, grounds):
            try:
                other = question_for(self.sides.old, flow, self.sides.node)
            except InputError:
                continue
            if not any(self.sides.chances(other)):
                yield flow, self.sides.ask(other)

    def _refused(self, error: InputError) -> None:
        self.unsendable[error.problems[0].what] += 1

    def _blind(self, number: int, why: str) -> None:
        self.asked += 1
        self.lost.append(f"{self.proposals[number][0]}: {why}")

    def report(self, notes: tuple[str, ...]) -> DiffReport:
        """All that is known by now."""
        stopped, differences = self.stopped, self.found.differences
        failed: LabError | None = as_lab_error(stopped) if isinstance(stopped, Exception) else None
        interrupted = isinstance(stopped, KeyboardInterrupt)
        codes = [failed.exit_code if failed else 0, 3 if self.lost else 0, 1 if differences else 0]
        refused = _counted(self.unsendable, "flow", "flows")
        reached = replace(self.reached, asked=self.asked, unsendable=(*self.reached.unsendable, *refused))
        notes = (*notes, *self.notes)
        if self.by_chance:
            what = "came to a rule that decides by chance on both sides, and fared otherwise by that alone"
            notes = (*notes, f"{self.by_chance} flow{'s' if self.by_chance > 1 else ''} {what}")
        return DiffReport(
            *self.names, self.sides.node, "", differences, reached, tuple(self.denied), tuple(self.lost), notes=notes,
            interrupted=interrupted, problems=failed.problems if failed else (),
            exit_code=interrupted_code(stopped) if isinstance(stopped, KeyboardInterrupt) else gravest(codes),
        )  # fmt: skip


def _gravity(aspect: Aspect | None) -> int:
    """Its place in the order, 0 being the gravest."""
    return len(Aspect) if aspect is None else aspect.place


def _is_less(aspect: Aspect | None, proposed: Aspect) -> bool:
    """Whether what shows is not as grave as what was proposed."""
    return _gravity(aspect) > _gravity(proposed)


def _alone(flow: Flow) -> FlowClass:
    return FlowClass((flow.source,), (flow.destination,), (flow.service,))


def _counted(counts: Mapping[str, int], one: str, several: str) -> tuple[str, ...]:
    return tuple(f"{name} ({count} {one if count == 1 else several})" for name, count in counts.items())
