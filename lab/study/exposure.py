"""The exposure of one topology: the matrices that are about it, its lab, its pairs, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from lab.errors import InputError, Problem, as_lab_error, gravest, interrupted_code
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.prepare.scene import Scene
from lab.record.exposure import Change, Exposure, ExposureReport, Pair, Untold
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.study.asserted import Assertions
from lab.study.by_class import Classes, by_classes
from lab.study.compare_classes import ClassChanges, compare_classes
from lab.study.compare_exposures import Open, Then, more, open_ports
from lab.study.survey import Survey, survey
from lab.study.unmet import unmet
from lab.study.untold import sort_out, unknown_places
from lab.study.zones import pairs
from lab.written.address_range import is_range, parse_range
from lab.written.cell import Cell
from lab.written.ends import Ends
from lab.written.fields import end_of_text
from lab.written.topology import Topology
from lab.written.words import parse_network


@dataclass(frozen=True, slots=True)
class Bare:
    """A topology and policies that are measured without a matrix: a plan in which nothing is asserted."""

    scene: Scene
    backend: Backend
    families: Sequence[int]
    cells: tuple[Cell, ...] = ()

    @property
    def topology(self) -> Topology:
        """That of the scene."""
        return self.scene.topology

    @property
    def policies(self) -> Mapping[str, Rulesets]:
        """Those of the scene."""
        return self.scene.policies

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know of them."""
        guesses = (f"guessed: {guess}" for guess in self.scene.guesses)
        return (*self.scene.notes(_families_of(self.topology, self.families)), *guesses)


def one_topology(plans: Sequence[Plan], named: str | None) -> list[Plan]:
    """Those of the plans that are about one topology; InputError when it is not told which, or none is."""
    names = list(dict.fromkeys(plan.topology.topology for plan in plans))
    if named is None and len(names) > 1:
        raise InputError(Problem(f"which topology? The matrices have {', '.join(names)}", mend=f"--topology {names[0]}"))
    chosen = [plan for plan in plans if named in (None, plan.topology.topology)]
    if not chosen:
        raise InputError(Problem(f"no matrix is about topology {named!r}", mend=f"there are {', '.join(names)}"))
    policies = {name: text for plan in chosen for name, text in plan.policies.items()}
    for plan in chosen:
        if any(plan.policies[name] != policies[name] for name in plan.policies):
            raise InputError(Problem("the matrices of this topology have different policies", mend="name one matrix"))
    return chosen


def measure(
    plans: Sequence[Plan | Bare], families: Sequence[int], senders: Sequence[str], targets: Sequence[str], *, every_port: bool,
    then: Then | None, progress: Callable[[int, int], None], told: Callable[[Exposure], None] = lambda _: None,
    closely: Callable[[Lab, Survey], None] = lambda *_: None,
) -> ExposureReport:  # fmt: skip
    """Measure what is open in those of ``families`` that the topology has; ``then`` is what an earlier report says.

    ``told`` is told what is open as soon as it is known; ``closely`` asks the same lab what else is wanted, at the end.
    Ctrl-C, and whatever else stops it once its lab is built, ends it with what is done.
    """
    topology = plans[0].topology
    policies = {name: rulesets for plan in plans for name, rulesets in plan.policies.items()}
    families = _families_of(topology, families)
    ends = [Ends(topology, tuple(policies), family) for family in families]
    possible = list(pairs(topology, policies, families))
    chosen = choose(possible, senders, targets, ends)
    assertions = Assertions(cell for plan in plans for cell in plan.cells)
    found, stopped, classes = Survey(), None, Classes()
    with Lab(topology, policies, backend=plans[0].backend) as lab:
        try:
            wanted = _wanted(possible, senders, targets, ends)
            classes = by_classes(topology, lab.policies, chosen, wanted, None if then is None else then.classes)
            asked = [*chosen, *classes.pairs]
            survey(lab, asked, assertions, found, every_port=every_port, progress=progress, told=told)
            closely(lab, found)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, what was finished is told
            stopped = error
        nodes = {
            name: (held.chains, held.here(topology.nodes[name].devices, topology.nodes[name].seen_ports))
            for name, held in lab.policies.items()
        }
        # of what was not asked to its end nothing is told that needs all questions
        rules, why = unmet({} if stopped else nodes, found.met, families)
    changed = None
    if then is not None and not stopped:
        of_classes = compare_classes(topology, policies, found.exposures, found.asked, then.classes, families)
        changed = _changed(found, then, chosen if senders or targets else None, families, of_classes)
        found.lost += of_classes.untold
    interrupted = isinstance(stopped, KeyboardInterrupt)
    failed = as_lab_error(stopped) if isinstance(stopped, Exception) else None
    unknown = found.lost or found.unsettled or (changed and changed.untold)
    codes = [failed.exit_code if failed else 0, 3 if unknown else 0, 1 if changed and changed.added else 0]
    notes = (*(note for plan in plans for note in plan.notes), *_unjudged(policies, families))
    return ExposureReport(
        topology.topology, tuple(found.exposures), found.questions, found.swept, found.seconds,
        tuple(found.lost), tuple(found.unsettled), changed and changed.added, changed and changed.gone,
        tuple(dict.fromkeys(notes)), interrupted, failed.problems if failed else (),
        interrupted_code(stopped) if isinstance(stopped, KeyboardInterrupt) else gravest(codes),
        changed and changed.untold, (*chosen, *classes.pairs), any(isinstance(plan, Plan) for plan in plans),
        classes.not_asked, rules, why, tuple(found.asked), classes.constants, classes.partial, tuple(found.beside_rules),
    )  # fmt: skip


def _families_of(topology: Topology, families: Iterable[int]) -> list[int]:
    return [family for family in families if any(topology.addresses(name, family) for name in topology.nodes)]


class _Changed(NamedTuple):
    """What became open since an earlier report, what is open no more, and what may have changed."""

    added: tuple[Change, ...]
    gone: tuple[Change, ...]
    untold: tuple[Untold, ...]


def _changed(
    found: Survey, then: Then, chosen: Sequence[Pair] | None, families: Collection[int], of_classes: ClassChanges
) -> _Changed:
    was_open, now_open = asked_again(then.open, chosen, families), open_ports(found.exposures)
    unknown = unknown_places((*found.lost, *found.unsettled))
    added = sort_out((*more(now_open, was_open), *of_classes.added), unknown, then.unknown, "open now")
    gone = sort_out((*more(was_open, now_open), *of_classes.gone), unknown, then.unknown, "open before")
    return _Changed(added.known, gone.known, (*added.untold, *gone.untold))


def _unjudged(policies: Mapping[str, Rulesets], families: Sequence[int]) -> Iterator[str]:
    for name, rulesets in policies.items():
        for family in families:
            if not rulesets.judges(family):
                yield f"{name}: its policy has no IPv{family} ruleset, so every IPv{family} packet passes"


def asked_again(then: Open, chosen: Sequence[Pair] | None, families: Collection[int]) -> Open:
    """What was open of these pairs (None: of all) and families: what is not asked now is not gone."""
    asked = chosen and {(pair.sender, pair.target, pair.address, pair.family) for pair in chosen}
    return {place: ports for place, ports in then.items() if place[3] in families and (asked is None or place[:4] in asked)}


def choose(
    possible: Sequence[Pair], senders: Sequence[str], targets: Sequence[str], ends: Collection[Ends]
) -> list[Pair]:
    """The pairs that ``--from`` and ``--to`` name: by a zone, or by a word of a row, which ``ends`` resolve in each family.

    A prefix means all in it, where a row takes one address: what was not asked would look closed.  InputError for a word
    that names nothing, for the same reason.
    """
    wanted = _wanted(possible, senders, targets, ends)
    chosen = [pair for pair in possible if wanted(pair)]
    if not chosen:
        raise InputError(Problem("no pair of nodes is left to be asked", mend="--from and --to name nodes or networks"))
    return chosen


def _wanted(
    possible: Sequence[Pair], senders: Sequence[str], targets: Sequence[str], ends: Collection[Ends]
) -> Callable[[Pair], bool]:
    froms = [_meant("--from", word, possible, _from, ends) for word in senders]
    tos = [_meant("--to", word, possible, _to, ends) for word in targets]
    return lambda pair: (
        (not froms or any(meant(pair) for meant in froms)) and (not tos or any(meant(pair) for meant in tos))
    )


def _meant(
    option: str, word: str, possible: Sequence[Pair], named: Callable[[Pair], tuple[str, ...]], ends: Collection[Ends]
) -> Callable[[Pair], bool]:
    """Whether a pair is one that ``word`` means; the last of its names is its address."""
    known = dict.fromkeys(name for pair in possible for name in named(pair))
    try:
        addresses = _addresses(word, (named(pair)[-1] for pair in possible), ends)
    except ValueError as error:
        addresses = frozenset[str]()  # a zone may be meant, of which a row knows nothing
        if word not in known and any(mark in word for mark in ":@/{"):
            what, _, mend = str(error).partition("\n")
            raise InputError(Problem(f"{option}: {what}", mend=mend)) from None
    if word not in known and not addresses.intersection(known):
        what = f"{option} {word!r}: no node, network or address that is asked here has this name"
        raise InputError(Problem(what, mend=f"there are {', '.join(known)}"))
    return lambda pair: word in named(pair) or named(pair)[-1] in addresses


def _addresses(word: str, possible: Iterable[str], ends: Collection[Ends]) -> frozenset[str]:
    """The addresses that a word of a row stands for; of ``possible`` those in it, if it is a prefix or a range.

    Raises ValueError.
    """
    end = end_of_text(word)
    if isinstance(end, str) and ("/" in end or is_range(end)):
        these = parse_network(end) if "/" in end else parse_range(end)
        return frozenset(address for address in possible if ip_address(address) in these)
    return frozenset(target.address for of_family in ends for target in of_family.targets([end]))


def _from(pair: Pair) -> tuple[str, ...]:
    return pair.zone, pair.sender, pair.source


def _to(pair: Pair) -> tuple[str, ...]:
    return pair.into, pair.target, pair.target.partition("@")[0], pair.address
