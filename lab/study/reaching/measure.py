"""The service matrices of one scene: classes, a lab in which each has an address, every pair asked, equal classes joined."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.errors import InputError, Problem, as_lab_error, gravest, interrupted_code
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.record.service_matrix import ServiceMatrix, ServiceMatrixReport, State
from lab.ruleset.address_conditions import entries_of
from lab.ruleset.addresses import address_words
from lab.ruleset.backend import Backend
from lab.ruleset.rule import Ports
from lab.study.by_class import Rulesets
from lab.study.reaching.asking import MOST_CELLS, Cell, Found, ask, state_of, whole
from lab.study.reaching.constants import Constants, constants_of
from lab.study.reaching.ends import Ends
from lab.study.reaching.hosts import that_take_what_is_turned_round, with_addresses
from lab.study.reaching.joining import join, joined
from lab.written.service import merged, parse_service
from lab.written.topology import Topology

MOST_SERVICES = 64
MOST_WHOLE = 4096  # cells of which a whole conversation is asked
_MOST_NAMED = 3


@dataclass(slots=True)
class _Asked:
    """One family and protocol."""

    family: int
    proto: str
    ports: tuple[int, ...]
    ends: Ends | None = None
    found: Found = field(default_factory=Found)
    later: list[str] = field(default_factory=list)


def services_of(words: Sequence[str], topology: Topology) -> dict[str, tuple[int, ...]]:
    """The ports of each protocol, in the order in which they are named; InputError for what has no ports, and for too many."""
    found: dict[str, dict[int, None]] = {}
    for word in words:
        service = parse_service(word, topology.services)
        if service.proto not in ("tcp", "udp"):
            raise InputError(Problem(f"--service {word!r}: only ports of tcp and udp have a service matrix"))
        for low, high in service.ports:
            found.setdefault(service.proto, {}).update(dict.fromkeys(range(low, min(high, low + MOST_SERVICES) + 1)))
    if sum(map(len, found.values())) > MOST_SERVICES:
        what = f"more than {MOST_SERVICES} services: each has a matrix of its own"
        raise InputError(Problem(what, mend="--service tcp/22,80"))
    return {proto: tuple(ports) for proto, ports in found.items()}


def measure(
    scene: Scene, backend: Backend, families: Sequence[int], services: Sequence[str], *, every_class: bool = False,
    heard: Callable[[int, int], None] = lambda *_: None,
) -> ServiceMatrixReport:  # fmt: skip
    """The matrices of ``services`` in those of ``families`` that the topology has.

    Ctrl-C, and whatever else stops it once its lab is built, ends it with what is done.
    """
    start = time.perf_counter()
    topology = that_take_what_is_turned_round(scene.topology, scene.policies)
    ports = services_of(services, topology)
    families = [family for family in families if any(topology.addresses(name, family) for name in topology.nodes)]
    asked = [_Asked(family, proto, of_proto) for family in families for proto, of_proto in ports.items()]
    stopped: BaseException | None = None
    matrices: list[ServiceMatrix] = []
    given: dict[str, str] = {}
    with Lab(topology, scene.policies, backend=backend) as lab:
        given = _choose(lab, asked, every_class=every_class)
        if not given:
            stopped = _ask(lab, asked, heard, matrices)
    if given:
        with Lab(with_addresses(topology, given), scene.policies, backend=backend) as lab:
            _choose(lab, asked, every_class=every_class)
            stopped = _ask(lab, asked, heard, matrices)
    lost = tuple(text for one in asked for text in one.found.lost)
    unsettled = tuple(text for one in asked for text in one.found.unsettled)
    interrupted = isinstance(stopped, KeyboardInterrupt)
    failed = as_lab_error(stopped) if isinstance(stopped, Exception) else None
    return ServiceMatrixReport(
        topology.topology, tuple(joined(matrices)), time.perf_counter() - start, every_class, lost, unsettled,
        tuple(dict.fromkeys(text for one in asked for text in _not_asked(one))), len(given),
        (*scene.notes(families), *(text for one in asked for text in one.later)), interrupted=interrupted,
        problems=failed.problems if failed else (),
        exit_code=interrupted_code(stopped) if isinstance(stopped, KeyboardInterrupt) else gravest(
            [failed.exit_code if failed else 0, 3 if lost or unsettled else 0]
        ),
    )  # fmt: skip


def _choose(lab: Lab, asked: Sequence[_Asked], *, every_class: bool) -> dict[str, str]:
    """Divide the addresses into classes; the addresses that nodes have to be given so that each class has one."""
    given: dict[str, str] = {}
    for one in asked:
        ports: Ports = merged([(port, port) for port in one.ports])
        constants = _constants(lab.policies, one, ports, every_class=every_class)
        one.ends = Ends(lab.topology, tuple(lab.policies), one.family, constants)
        cells = len(one.ends.sources.ends) * len(one.ends.destinations.ends) * len(one.ports)
        if cells > MOST_CELLS:
            what = f"IPv{one.family} {one.proto}: {cells:,} questions are more than {MOST_CELLS:,}"
            mend = "fewer services at once" if len(one.ports) > 1 else "without --every-class" if every_class else ""
            raise InputError(Problem(what, mend=mend))
        given |= one.ends.given
    return given


def _constants(nodes: Mapping[str, Rulesets], one: _Asked, ports: Ports, *, every_class: bool) -> Constants:
    found = [
        constants_of(held.chains, entries_of(held.texts), one.family, one.proto, ports, every=every_class)
        for held in nodes.values()
    ]
    return Constants(*(tuple(dict.fromkeys(item for of_node in found for item in of_node[field])) for field in range(4)))  # type: ignore[arg-type]


def _ask(
    lab: Lab, asked: Sequence[_Asked], heard: Callable[[int, int], None], matrices: list[ServiceMatrix]
) -> BaseException | None:
    """Fill the matrices; what stopped it."""
    try:
        for one in asked:
            assert one.ends is not None
            ask(lab, one.ends, one.proto, one.ports, one.found, heard)
            matrices += [_matrix(lab, one, port) for port in one.ports]
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, what was finished is told
        return error
    return None


def _matrix(lab: Lab, one: _Asked, port: int) -> ServiceMatrix:
    """The matrix of a service, each way of which is that of whole conversations too.

    What answers a first packet are two packets of a flow, and rules may treat a later one otherwise: so of each way one flow is
    asked to its end, and where that fails each of its cells.
    """
    assert one.ends is not None
    service, cells = f"{one.proto}/{port}", one.found.cells[port]
    found = join(one.ends, one.found.turned, cells, service)
    failed: list[Cell] = []
    with lab.batch():
        for way in found.matrix.ways:
            straight = found.cells[way] if way.state is State.REACHES else ()
            if straight and not _is_whole(lab, one, port, straight[0]):
                failed += straight
        for cell in failed[:MOST_WHOLE]:
            if not _is_whole(lab, one, port, cell):
                cells[cell] = cells[cell]._replace(state=State.UNANSWERED)
    if len(failed) > MOST_WHOLE:
        one.later.append(f"{service}: {len(failed) - MOST_WHOLE:,} of {len(failed):,} ways may end behind their first answer")
    return join(one.ends, one.found.turned, cells, service).matrix if failed else found.matrix


def _is_whole(lab: Lab, one: _Asked, port: int, cell: Cell) -> bool:
    assert one.ends is not None
    return state_of(whole(lab, one.ends, one.proto, port, cell)) is State.REACHES


def _not_asked(one: _Asked) -> Iterator[str]:
    """The classes that nobody can ask from or be asked at."""
    ends = one.ends
    if ends is None:
        return
    for word, side, why in (
        ("from", ends.sources, "nobody in this topology can send from there"),
        ("to", ends.destinations, "no host can have one of these"),
    ):
        for of in side.unspoken:
            words = address_words(of.addresses, one.family)
            more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
            yield f"{word} {', '.join(words[:_MOST_NAMED])}{more}: {why}"
    yield from (f"IPv{one.family}: {text}" for text in ends.constants.unread)
