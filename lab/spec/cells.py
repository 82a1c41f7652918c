"""From rows to cells: products, what rows leave out, and the default for all that no row speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from lab.errors import InputError, Problem, Where
from lab.spec.cell import (
    Arrives,
    Cell,
    Exemption,
    Expectation,
    ExpectedConntrack,
    Known,
    Leaves,
    Sender,
    Service,
    Target,
)
from lab.spec.claims import contradictions, unclaimed
from lab.spec.ends import FAMILY, Ends
from lab.spec.matrix import Default, LeftOut, Matrix, Row
from lab.spec.messages import did_you_mean
from lab.spec.service import read_services, without
from lab.spec.topology import Topology

DEFAULT = "default"
T = TypeVar("T")
W = TypeVar("W")


def expand(matrix: Matrix, topology: Topology) -> tuple[Cell, ...]:
    """All cells of ``matrix`` on ``topology``, in the order of its rows; raises InputError with every problem found."""
    expander = _Expander(matrix, topology)
    cells = [cell for index, row in enumerate(matrix.flows) for cell in expander.row(index, row.in_v4)]
    if matrix.default is not None:
        cells += expander.default(matrix.default, cells)
    problems = expander.problems or [*_same_ids(cells), *contradictions(cells)]
    if problems:
        raise InputError(problems)
    return tuple(cells)


def _same_ids(cells: Sequence[Cell]) -> Iterator[Problem]:
    seen: set[str] = set()
    for cell in cells:
        if cell.id in seen:
            yield Problem(f"the cell {cell.id} is there twice", cell.where, "say each end and service once in a row")
        seen.add(cell.id)


class _Expander:
    """Collects problems while rows are expanded."""

    def __init__(self, matrix: Matrix, topology: Topology) -> None:
        self.problems: list[Problem] = []
        self._matrix, self._topology = matrix, topology
        self._under_test = self._nodes_under_test()
        self._ends = Ends(topology, self._under_test)

    def _nodes_under_test(self) -> list[str]:
        matrix, topology = self._matrix, self._topology
        in_role = topology.roles().get(matrix.role, ())
        if not in_role:
            mend = did_you_mean(matrix.role, topology.roles(), "the roles")
            self._problem(f"no node of topology {topology.topology} has the role {matrix.role!r}", matrix.where("for"), mend)
        found = [node for node in in_role if node in matrix.policies]
        if in_role and not found:
            mend = f"policies: {{{in_role[0]}: NAME}}"
            self._problem(f"no node of role {matrix.role!r} has a policy", matrix.where("policies"), mend)
        for node in matrix.policies:
            if node not in topology.nodes:
                mend = did_you_mean(node, topology.nodes, "the nodes")
                self._problem(f"there is no node {node!r} to give a policy", matrix.where("policies", node, key=True), mend)
        return found

    def row(self, index: int, row: Row) -> Iterator[Cell]:
        """The cells of one row."""

        def place(key: str) -> Where:
            return self._matrix.where("flows", index, key)

        senders = self._each(self._ends.senders, row.sender, "flows", index, "from")
        targets = self._each(self._ends.targets, row.target, "flows", index, "to")
        services = self._each(lambda texts: self._services(texts, row), row.service, "flows", index, "service")
        left_out = self._each(self._left_out, row.leave_out, "flows", index, "not")
        expect = self._tried(lambda: self._expectation(row), place("arrives"))
        at = self._tried(lambda: self._at(row.at), place("at"))
        if senders is None or targets is None or services is None or left_out is None or expect is None or at is None:
            return
        where = self._matrix.where("flows", index)
        found = False
        # net: and role: leave out the node under test by themselves; to say it once more is no mistake.
        idle = {entry for entry in left_out if not (entry.senders or set()) & self._own_addresses()}
        for sender in senders:
            for target in targets:
                if sender.node == target.node:
                    continue
                for service in services:
                    kept = _kept(sender, target, service, left_out, idle)
                    if kept is not None:
                        found = True
                        yield self._cell(row.name, where, sender, target, kept, at, expect, row)
        if not found:
            self._problem(f"row {row.name!r} selects no cell", where, "its ends are one node, or `not` leaves out all of it")
        for number, entry in enumerate(left_out):
            if entry in idle:
                what = f"row {row.name!r} has nothing of this that could be left out"
                self._problem(what, self._matrix.where("flows", index, "not", number))

    def default(self, default: Default, cells: Sequence[Cell]) -> list[Cell]:
        """The complement of all rows, pair by pair of nodes on different networks (or with the node under test)."""

        def place(key: str) -> Where:
            return self._matrix.where("default", key)

        senders = self._each(self._ends.senders, default.between, "default", "between")
        targets = self._each(self._ends.targets, default.between, "default", "between")
        services = self._each(self._services, default.services, "default", "services")
        at = self._tried(lambda: self._at(default.at), place("at"))
        if senders is None or targets is None or services is None or at is None:
            return []
        expect = Expectation(
            default.expect.action, default.expect.reject_with, rule=default.rule, logged=default.logged, by=default.by
        )
        where = self._matrix.where("default")
        free = unclaimed(cells)
        found = []
        for sender in senders:
            for target in targets:
                if not self._crosses(sender, target, at):
                    continue
                for service in services:
                    left = free(sender, target, service)
                    if left is not None:
                        found.append(self._cell(DEFAULT, where, sender, target, left, at, expect, None))
        if not found:
            mend = "name two networks, or a node and a network"
            self._problem("the default selects no cell: nothing is left between these", place("between"), mend)
        return found

    def _crosses(self, sender: Sender, target: Target, at: str) -> bool:
        """Whether a packet between these two meets the node under test: neighbours on one network speak without it."""
        if sender.node == target.node:
            return False
        if at in (sender.node, target.node):
            return True
        network = self._topology.network_of
        return network(sender.address) != network(target.address)

    def _cell(
        self, name: str, where: Where, sender: Sender, target: Target, service: Service, at: str, expect: Expectation,
        row: Row | None,
    ) -> Cell:  # fmt: skip
        ack = row is not None and row.ack
        source = row.source if row is not None else None
        words = service.text + (" ack" if ack else "")
        return Cell(
            id=f"{self._matrix.matrix}::{name}[{sender.label}->{target.label} {words}]",
            matrix=self._matrix.matrix,
            row=name,
            where=where,
            sender=replace(sender, address=source) if source else sender,
            target=target,
            service=service,
            family=FAMILY,
            at=at,
            expect=expect,
            sport=row.sport if row is not None else None,
            ack=ack,
        )

    def _services(self, texts: Sequence[str], row: Row | None = None) -> list[Service]:
        services = [service for text in texts for service in read_services(text, self._topology.services)]
        for service in services:
            if row is not None and row.ack and service.proto != "tcp":
                raise ValueError(f"`flags: ack` is a TCP segment, but {service.text} is {service.proto}")
            if row is not None and row.sport is not None and not service.ports:
                raise ValueError(f"`sport` has no meaning for {service.text}")
        return services

    def _left_out(self, entries: Sequence[LeftOut]) -> list[_LeftOut]:
        return [
            _LeftOut(
                None if entry.sender is None else {sender.address for sender in self._ends.senders(entry.sender)},
                None if entry.target is None else {target.address for target in self._ends.targets(entry.target)},
                None if entry.service is None else self._services(entry.service),
            )
            for entry in entries
        ]

    def _own_addresses(self) -> set[str]:
        """The addresses of the nodes under test."""
        return {address for node in self._under_test for address in self._topology.addresses(node, FAMILY)}

    def _at(self, named: str | None) -> str:
        if named is not None:
            if named not in self._matrix.policies:
                raise ValueError(f"{named!r} is not under test: it has no policy\nwith a policy: {', '.join(self._under_test)}")
            return named
        if not self._under_test:
            raise ValueError  # told already, once for the whole matrix
        if len(self._under_test) > 1:
            raise ValueError(
                f"{len(self._under_test)} nodes of role {self._matrix.role!r} have a policy\nsay which one decides: at: NODE"
            )
        return self._under_test[0]

    def _expectation(self, row: Row) -> Expectation:
        conntrack, leaves, known, exemption = row.conntrack, row.leaves, row.known, row.exemption
        return Expectation(
            action=row.expect.action,
            reject_with=row.expect.reject_with,
            arrives=self._arrives(row),
            leaves=Leaves(leaves.via, leaves.mark) if leaves else None,
            conntrack=ExpectedConntrack(conntrack.state, conntrack.assured, conntrack.mark) if conntrack else None,
            rule=row.rule,
            through=tuple(row.through),
            logged=row.logged,
            by=row.by,
            exemption=Exemption(exemption.owner, exemption.ticket, exemption.review) if exemption else None,
            known=Known(known.until, known.ticket, known.why) if known else None,
        )

    def _arrives(self, row: Row) -> Arrives | None:
        written = row.arrives
        if written is None:
            return None
        if written.at is not None and written.at not in self._topology.nodes:
            raise ValueError(f"there is no node {written.at!r}\n{did_you_mean(written.at, self._topology.nodes, 'the nodes')}")
        return Arrives(written.at, self._one_address(written.address), written.port, self._one_address(written.source))

    def _one_address(self, word: str | None) -> str | None:
        """The address that a word after `address` or `from` stands for; ``kept`` stays."""
        if word is None or word == "kept":
            return word
        found = self._ends.targets([word])
        if len(found) != 1:
            raise ValueError(f"{word!r} has {len(found)} addresses\nsay which one: {', '.join(end.address for end in found)}")
        return found[0].address

    def _tried(self, attempt: Callable[[], T], where: Where) -> T | None:
        try:
            return attempt()
        except ValueError as error:
            what, _, mend = str(error).partition("\n")
            if what:
                self._problem(what, where, mend)
            return None

    def _each(self, resolve: Callable[[Sequence[W]], T], words: Sequence[W], *path: str | int) -> T | None:
        """What all the words stand for; a problem for each of them that stands for nothing, at its own place."""
        try:
            return resolve(words)
        except ValueError:
            for number, word in enumerate(words):
                self._tried(lambda word=word: resolve([word]), self._matrix.where(*path, number))  # type: ignore[misc]
            return None

    def _problem(self, what: str, where: Where, mend: str = "") -> None:
        problem = Problem(what, where, mend)
        if problem not in self.problems:
            self.problems.append(problem)


class _LeftOut:
    """One entry of ``not``, resolved; None stands for all."""

    def __init__(self, senders: set[str] | None, targets: set[str] | None, services: list[Service] | None) -> None:
        self.senders, self.targets, self.services = senders, targets, services

    def fits(self, sender: Sender, target: Target) -> bool:
        return (self.senders is None or sender.address in self.senders) and (
            self.targets is None or target.address in self.targets
        )


def _kept(
    sender: Sender, target: Target, service: Service, left_out: Sequence[_LeftOut], idle: set[_LeftOut]
) -> Service | None:
    """What of the service is left; None when all of it is left out.  Entries that apply are no longer ``idle``."""
    kept: Service | None = service
    for entry in left_out:
        if not entry.fits(sender, target):
            continue
        for other in (service,) if entry.services is None else entry.services:
            if _less(service, other) == service:
                continue
            idle.discard(entry)
            kept = _less(kept, other) if kept is not None else None
    return kept


def _less(service: Service, other: Service) -> Service | None:
    """The service without what the other covers of it; None when nothing is left."""
    if (other.proto, other.icmp_type, other.icmp_code) != (service.proto, service.icmp_type, service.icmp_code):
        return service
    ports = without(service.ports, other.ports)
    return replace(service, ports=ports) if ports else None
