"""The exposure of one topology: the matrices that are about it, its lab, its pairs, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address

from lab.errors import InputError, Problem, as_lab_error, gravest, interrupted_code
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.exposure import Change, ExposureReport, Pair
from lab.ruleset.rulesets import Rulesets
from lab.study.asserted import Assertions
from lab.study.by_class import Classes, by_classes
from lab.study.compare_classes import compare_classes
from lab.study.compare_exposures import Open, Then, more, open_ports
from lab.study.survey import Survey, survey
from lab.study.unmet import unmet
from lab.study.zones import pairs
from lab.written.ends import Ends
from lab.written.fields import end_of_text
from lab.written.words import parse_network


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
    plans: Sequence[Plan], families: Sequence[int], senders: Sequence[str], targets: Sequence[str], *, every_port: bool,
    then: Then | None, progress: Callable[[int, int], None],
) -> ExposureReport:  # fmt: skip
    """Measure what is open in those of ``families`` that the topology has; ``then`` is what was open before.

    Ctrl-C, and whatever else stops it once its lab is built, ends it with what is done.
    """
    topology = plans[0].topology
    policies = {name: rulesets for plan in plans for name, rulesets in plan.policies.items()}
    families = [family for family in families if any(topology.addresses(name, family) for name in topology.nodes)]
    ends = [Ends(topology, tuple(policies), family) for family in families]
    possible = list(pairs(topology, policies, families))
    chosen = choose(possible, senders, targets, ends)
    assertions = Assertions(cell for plan in plans for cell in plan.cells)
    found, stopped, classes = Survey(), None, Classes()
    with Lab(topology, policies, backend=plans[0].backend) as lab:
        try:
            wanted = _wanted(possible, senders, targets, ends)
            classes = by_classes(topology, lab.policies, chosen, wanted, None if then is None else then.classes)
            survey(lab, [*chosen, *classes.pairs], assertions, found, every_port=every_port, progress=progress)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, what was finished is told
            stopped = error
        nodes = {name: (held.chains, held.here(topology.nodes[name].interfaces)) for name, held in lab.policies.items()}
        # of what was not asked to its end nothing is told that needs all questions
        rules, why = unmet({} if stopped else nodes, found.met, families)
    now = open_ports(found.exposures)
    added: tuple[Change, ...] | None = None
    gone: tuple[Change, ...] | None = None
    if then is not None and not stopped:
        before = asked_again(then.open, chosen if senders or targets else None, families)
        of_classes = compare_classes(topology, policies, found.exposures, found.asked, then.classes, families)
        added, gone = (*more(now, before), *of_classes.added), (*more(before, now), *of_classes.gone)
        found.lost += of_classes.untold
    interrupted = isinstance(stopped, KeyboardInterrupt)
    told = as_lab_error(stopped) if isinstance(stopped, Exception) else None
    codes = [told.exit_code] if told else []
    code = gravest([*codes, *([3] if found.lost else []), *([1] if added else [])])
    return ExposureReport(
        topology.topology, tuple(found.exposures), found.questions, found.swept, found.seconds,
        tuple(found.lost), tuple(found.unsettled),
        added, gone,
        tuple(dict.fromkeys((*(note for plan in plans for note in plan.notes), *_unjudged(policies, families)))), interrupted,
        told.problems if told else (), interrupted_code(stopped) if isinstance(stopped, KeyboardInterrupt) else code,
        classes.not_asked, rules, why, tuple(found.asked), classes.constants, classes.partial,
    )  # fmt: skip


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
    """The addresses that a word of a row stands for; of ``possible`` those in it, if it is a prefix.  Raises ValueError."""
    end = end_of_text(word)
    if isinstance(end, str) and "/" in end:
        prefix = parse_network(end)
        return frozenset(address for address in possible if ip_address(address) in prefix)
    return frozenset(target.address for of_family in ends for target in of_family.targets([end]))


def _from(pair: Pair) -> tuple[str, ...]:
    return pair.zone, pair.sender, pair.source


def _to(pair: Pair) -> tuple[str, ...]:
    return pair.into, pair.target, pair.target.partition("@")[0], pair.address
