"""What can be told of a drill without building anything: of its file alone, and with its topology."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from lab.errors import Problem
from lab.written.drill import PARTS, Drill
from lab.written.drill_parts import Typed
from lab.written.drill_places import place_of, unknown_node
from lab.written.messages import did_you_mean
from lab.written.policy import check_inside
from lab.written.topology import Topology

MOST_ITEMS = 200


def check_drill(drill: Drill) -> Iterator[Problem]:
    """What is wrong with a drill whose parts are each well formed, as far as that needs no topology."""
    for part in PARTS:
        items = getattr(drill, part)
        names = [(place, item) for place, item in enumerate(items) if isinstance(item, str)]
        for place, name in names:
            path = PurePosixPath(name)
            if not name or path.is_absolute() or ".." in path.parts:
                what = f"the matrix {name!r} leads out of the matrices folder" if name else "there is nothing here"
                yield Problem(what, drill.where(part, place), "matrices are named from there on")
            elif part == "symptom":
                what = "a symptom is rows, as they are while it is broken: a matrix tells how it is when all is well"
                yield Problem(what, drill.where(part, place), "write the rows that are seen")
    for place, fault in enumerate(drill.faults):
        for keys, name in fault.policies:
            try:
                check_inside(name)
            except ValueError as error:
                yield Problem(str(error), drill.where("faults", place, *keys))
    seen: set[tuple[str, str]] = set()
    for place, answer in enumerate(drill.answer):
        if (answer.place, answer.kind) in seen:
            yield Problem("this answer is there twice", drill.where("answer", place), "leave one of them out")
        seen.add((answer.place, answer.kind))
    for name in ("faults", "hints", "injects", "wrong", "steps", "stages"):
        if len(getattr(drill, name)) > MOST_ITEMS:
            yield Problem(f"more than {MOST_ITEMS} of `{name}`", drill.where(name))


def check_on_topology(drill: Drill, topology: Topology) -> Iterator[Problem]:
    """Every word of a drill that must be a node, an interface or a network of its topology, and is none."""
    nodes = topology.nodes

    def is_node(name: str, *path: str | int, key: bool = False) -> Iterator[Problem]:
        if name not in nodes:
            what = f"topology {topology.topology} has no node {name!r}"
            yield Problem(what, drill.where(*path, key=key), did_you_mean(name, nodes, "the nodes"))

    for part in ("policies", "boot"):
        for node in getattr(drill, part):
            yield from is_node(node, part, node, key=True)
    for place, fault in enumerate(drill.faults):
        for node in fault.nodes:
            path = ("load", node) if fault.load is not None else (fault.kind, "node")
            yield from is_node(node, "faults", place, *path, key=fault.load is not None)
        yield from _interface(drill, topology, place)
    for place, answer in enumerate(drill.answer):
        for number, where in enumerate(answer.places):
            if wrong := unknown_node(place_of(where), nodes, topology.networks):
                at = ("place",) if number == 0 else ("also", number - 1)
                yield Problem(wrong[0], drill.where("answer", place, *at), wrong[1])
    yield from _typed(drill, drill.fix, topology, "fix")
    for place, wrong_mend in enumerate(drill.wrong):
        yield from _typed(drill, wrong_mend.steps, topology, "wrong", place, "type")
    for place, stage in enumerate(drill.stages):
        yield from _typed(drill, stage.fix, topology, "stages", place, "fix")


def _interface(drill: Drill, topology: Topology, place: int) -> Iterator[Problem]:
    fault = drill.faults[place]
    said = fault.mtu or fault.link
    if said is None or said.node not in topology.nodes:
        return
    interfaces = topology.nodes[said.node].interfaces
    if said.interface not in interfaces:
        what = f"{said.node} has no interface {said.interface!r}"
        mend = did_you_mean(said.interface, interfaces, "its interfaces")
        yield Problem(what, drill.where("faults", place, fault.kind, "interface"), mend)


def _typed(drill: Drill, lines: Iterable[Typed], topology: Topology, *path: str | int) -> Iterator[Problem]:
    for number, one in enumerate(drill.typed(tuple(lines))):
        assert one.at is not None
        if one.at in topology.nodes:
            continue
        where = drill.where(*path, number, "at")
        what = f"topology {topology.topology} has no node {one.at!r} to type at"
        if one.at in topology.networks:
            what = f"{one.at!r} is a network: nothing is typed there"
        yield Problem(what, where, did_you_mean(one.at, topology.nodes, "the nodes"))
