"""From rows to cells: products in each family, what rows leave out, and the default for all that no row speaks of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

from lab.errors import InputError, Problem, Where
from lab.written.burst import MOST_SENT
from lab.written.burst_cells import burst_of, with_burst
from lab.written.cell import FAMILIES, Burst, Cell, Expectation, Sender, Service, Step, Target
from lab.written.claims import contradictions, unclaimed
from lab.written.ends import Ends
from lab.written.expect.arrives import ARRIVES
from lab.written.expected import Expectations
from lab.written.left_out import LeftOutCells, kept
from lab.written.matrix import Default, LeftOut, Matrix, Row, family_word
from lab.written.messages import did_you_mean
from lab.written.packet.service import fits_packet, in_families, of_packet
from lab.written.pairs import own_pairs, pairs
from lab.written.problems import Problems
from lab.written.programs import require_free
from lab.written.selection import Asked, Selection, Selector
from lab.written.step_cells import StepCells, of_first
from lab.written.steps.flow import FlowSpec, fits_sending
from lab.written.to_many import to_many
from lab.written.topology import Topology
from lab.written.yaml_source import MAX_PROBLEMS

DEFAULT = "default"


def expand(matrix: Matrix, topology: Topology, families: Collection[int] = FAMILIES) -> tuple[Cell, ...]:
    """The cells of ``families`` (4 and 6): row by row, of each row IPv4 before IPv6, the default last.

    The whole matrix is looked at whatever ``families`` says, so a row with cells of the other family alone is no error.
    Raises InputError with every problem found, or the first hundred.
    """
    expander = _Expander(matrix, topology)
    cells = [cell for index, row in enumerate(matrix.flows) for cell in expander.row(index, row)]
    if matrix.default is not None:
        cells += expander.default(matrix.default, cells)
    problems = expander.problems.found or [*_same_ids(cells), *contradictions(cells)]
    if problems:
        raise InputError(problems[:MAX_PROBLEMS])
    return tuple(cell for cell in cells if cell.family in families)


def _same_ids(cells: Sequence[Cell]) -> Iterator[Problem]:
    seen: set[str] = set()
    told: set[str] = set()
    for cell in cells:
        flow = cell.id.removesuffix("/6")
        if cell.id in seen and flow not in told:
            yield Problem(f"the cell {cell.id} is there twice", cell.where, "say each end and service once in a row")
            told.add(flow)
        seen.add(cell.id)


class _Expander:
    """Collects problems while rows are expanded."""

    def __init__(self, matrix: Matrix, topology: Topology) -> None:
        self.problems = Problems()
        self._matrix, self._topology = matrix, topology
        self._under_test = self._nodes_under_test()
        ends = self._ends = {family: Ends(topology, self._under_test, family) for family in FAMILIES}
        self._select = Selector(ends, topology.services, self.problems, matrix.where)
        self._expectations = Expectations(matrix, topology, ends, self.problems)
        self._steps = StepCells(matrix, ends, self._select, self._expectations, self.problems, at=self._at, cell=self._cell)

    def _nodes_under_test(self) -> list[str]:
        matrix, topology = self._matrix, self._topology
        in_role = topology.roles().get(matrix.role, ())
        if not in_role:
            mend = did_you_mean(matrix.role, topology.roles(), "the roles")
            what = f"no node of topology {topology.topology} has the role {matrix.role!r}"
            self.problems.tell(what, matrix.where("for"), mend)
        found = [node for node in in_role if node in matrix.policies]
        if in_role and not found:
            mend = f"policies: {{{in_role[0]}: NAME}}"
            self.problems.tell(f"no node of role {matrix.role!r} has a policy", matrix.where("policies"), mend)
        for node in matrix.policies:
            if node not in topology.nodes:
                mend = did_you_mean(node, topology.nodes, "the nodes")
                where = matrix.where("policies", node, key=True)
                self.problems.tell(f"there is no node {node!r} to give a policy", where, mend)
        return found

    def row(self, index: int, row: Row) -> Iterator[Cell]:
        """The cells of one row."""
        path = ("flows", index)
        where = self._matrix.where(*path)
        senders = self._select.senders(row.sender, *path, "from")
        targets = self._select.targets(row.target, *path, "to")
        services = self._services(row, *path)
        self._steps.fitting(index, row, services)
        left_out = [self._left_out(entry, number, *path, "not", number) for number, entry in enumerate(row.leave_out)]
        at = self.problems.tried(lambda: self._at(row.at), partial(self._matrix.where, *path, "at"))
        if senders is None or targets is None or services is None:
            for family in row.families:
                self._expectations.of_row(index, row, family, None)
            return
        asked = Asked(f"row {row.name!r}", where, row.families, None if row.family is None else family_word(row.family))
        families = self._select.families(asked, senders, targets, services)
        expected = {family: self._expectations.of_row(index, row, family, families) for family in families}
        steps = {family: self._steps.of_row(index, row, family, families) for family in families}
        bursts = {family: self._burst(index, row, family, families) for family in families}
        for family in families:
            self._steps.ordered(steps[family] or (), services.found[family], row.sport)
        entries = [entry for entry in left_out if entry is not None]
        if at is None or len(entries) < len(left_out) or not families:
            return
        # net: and role: leave out the node under test by themselves; to say it once more is no mistake.
        idle = {entry.number for entry in entries if not (entry.senders or set()) & self._own_addresses()}
        found = False
        for family in families:
            others = pairs(senders.found[family], targets.found[family])
            chosen = [*others, *own_pairs(self._ends[family], row.sender, row.target)]
            for (sender, target), service in product(chosen, services.found[family]):
                left = kept(sender, target, service, entries, idle)
                if left is None:
                    continue
                found = True
                if (expect := expected[family] or of_first(steps[family], row.of_family(family))) is not None:
                    cell = self.problems.tried(
                        lambda: self._cell(row.name, where, sender, target, left, family, at, expect, row, steps[family]),  # noqa: B023 - called at once
                        partial(self._matrix.where, *path, "to"),
                    )
                    if cell is not None:
                        yield with_burst(cell, bursts[family])
        if not found:
            mend = (
                "its ends are one node that a role, a network or one of several words stands for, or the loopback "
                "of a node that is not named after `from`, or `not` leaves out all of it"
            )
            self.problems.tell(f"row {row.name!r} selects no cell", where, mend)
        for number in sorted(idle):
            what = f"row {row.name!r} has nothing of this that could be left out"
            self.problems.tell(what, self._matrix.where(*path, "not", number))

    def default(self, default: Default, cells: Sequence[Cell]) -> list[Cell]:
        """The complement of all rows, pair by pair of nodes on different networks (or with the node under test)."""
        where = self._matrix.where("default")
        senders = self._select.senders(default.between, "default", "between")
        targets = self._select.targets(default.between, "default", "between")
        services = self._select.services(default.services, "default", "services", check=_no_session)
        at = self.problems.tried(lambda: self._at(default.at), partial(self._matrix.where, "default", "at"))
        if senders is None or targets is None or services is None or at is None:
            return []
        said = None if default.family is None else family_word(default.family)
        families = self._select.families(Asked("the default", where, default.families, said), senders, targets, services)
        free = unclaimed(cells)
        found = False
        made = []
        for family in families:
            expect = self._expectations.of_default(default, family, families)
            chosen = [*pairs(senders.found[family], targets.found[family])]
            for (sender, target), service in product(chosen, services.found[family]):
                left = free(sender, target, service) if self._crosses(sender, target, at) else None
                if left is None:
                    continue
                found = True
                if expect is not None:
                    made.append(self._cell(DEFAULT, where, sender, target, left, family, at, expect, None))
        if families and not found:
            mend = "name two networks, or a node and a network"
            what = "the default selects no cell: nothing is left between these"
            self.problems.tell(what, self._matrix.where("default", "between"), mend)
        return made

    def _crosses(self, sender: Sender, target: Target, at: str) -> bool:
        """Whether a packet between these two meets the node under test: neighbours on one network speak without it."""
        if at in (sender.node, target.node):
            return True
        network = self._topology.network_of
        return network(sender.address) != network(target.address)

    def _cell(
        self, name: str, where: Where, sender: Sender, target: Target, service: Service, family: int, at: str,
        expect: Expectation, row: Row | FlowSpec | None, steps: tuple[Step, ...] | None = (),
    ) -> Cell:  # fmt: skip
        flags = row.flags if row is not None else ()
        packet = row.packet if isinstance(row, Row) else None
        source = None if row is None else row.source or (packet.source if packet is not None else None)
        arrives = expect.get(ARRIVES)
        wanted = arrives.at if arrives is not None else ()
        many = to_many(self._topology, sender, source, target.address, service, (at,), wanted)
        if many is not None and steps:
            raise ValueError(f"steps are those of one flow, but all of a network hear {target.address}\nname one node")
        if expect.action == "allow" and service.application is None and not flags and packet is None:
            require_free(self._topology, wanted or (target.node, *target.also), service)
        words = " ".join(filter(None, (service.text, *flags, packet.words if packet is not None else "")))
        return Cell(
            id=f"{self._matrix.matrix}::{name}[{sender.label}->{target.label} {words}]" + ("/6" if family == 6 else ""),
            matrix=self._matrix.matrix,
            row=name,
            where=where,
            sender=replace(sender, address=source, said=True) if source else sender,
            target=target,
            service=service,
            family=family,
            at=at,
            expect=expect,
            sport=None if row is None else row.sport or (packet.sport if packet is not None else None),
            flags=flags,
            mark=row.mark if row is not None and row.mark is not None else 0,
            uid=row.uid if row is not None else None,
            to_many=many,
            steps=steps or (),
            packet=packet,
            payload=(row.payload or b"") if isinstance(row, Row) else b"",
        )

    def _burst(self, index: int, row: Row, family: int, judged: Sequence[int]) -> Burst | None:
        return burst_of(
            row.burst, index, family, judged, expectations=self._expectations, select=self._select, problems=self.problems,
            where=self._matrix.where,
        )  # fmt: skip

    def _services(self, row: Row, *path: str | int) -> Selection[Service] | None:
        """The services of a row; a packet by its layers has one of its own, where it says which."""
        if row.packet is None:
            return self._select.services(row.service, *path, "service", check=lambda service: self._fits(service, row))
        packet = row.packet
        if not row.service:
            where = partial(self._matrix.where, *path, "packet")
            return self.problems.tried(lambda: of_packet(packet, (*path, "packet")), where)
        said = self._select.services(row.service, *path, "service", check=lambda service: fits_packet(service, packet))
        return None if said is None else in_families(said, packet.families)

    def _left_out(self, entry: LeftOut, number: int, *path: str | int) -> LeftOutCells | None:
        senders = targets = services = None
        if entry.sender is not None:
            senders = self._select.senders(entry.sender, *path, "from")
        if entry.target is not None:
            targets = self._select.targets(entry.target, *path, "to")
        if entry.service is not None:
            services = self._select.services(entry.service, *path, "service")
        written = (entry.sender, senders), (entry.target, targets), (entry.service, services)
        if any(words is not None and found is None for words, found in written):
            return None
        return LeftOutCells(
            number,
            None if senders is None else frozenset(end.address for found in senders.found.values() for end in found),
            None if targets is None else frozenset(end.address for found in targets.found.values() for end in found),
            None if services is None else tuple(service for found in services.found.values() for service in found),
        )

    def _own_addresses(self) -> set[str]:
        """The addresses of the nodes under test."""
        return {
            address for node in self._under_test for family in FAMILIES for address in self._topology.addresses(node, family)
        }

    def _fits(self, service: Service, row: Row) -> None:
        """A ValueError for a service that the row cannot send, or that nobody serves."""
        _fits(service, row)
        if (service.application or "").startswith("ftp/") and not any(spec.programs for spec in self._topology.nodes.values()):
            what = f"{service.text} asks a server, and no node of topology {self._topology.topology} has a program"
            raise ValueError(f"{what}\nprograms: [{{serve: ftp}}]")

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


def _no_session(service: Service) -> None:
    """A ValueError for a session of an application, which no default can try."""
    if service.application is not None:
        port = f"{service.proto}/{service.ports[0][0]}"
        raise ValueError(f"{service.text} is a session, which a row of its own asks for\nsay {port}")


def _fits(service: Service, row: Row) -> None:
    """A ValueError for a service that a row with these keys cannot send."""
    if row.steps and (service.port_count > 1 or service.application is not None):
        many = "a whole session" if service.application is not None else f"{service.port_count} ports"
        raise ValueError(f"steps are those of one flow, but {service.text} is {many}\nname one port")
    if row.burst is not None and service.application is not None:
        raise ValueError(f"a burst is of single packets, but {service.text} is a whole session\nname one port")
    if row.burst is not None and service.port_count * row.burst.send > MOST_SENT:
        raise ValueError(f"a burst to {service.port_count:,} ports is more than {MOST_SENT:,} packets\nname fewer ports")
    if service.application is not None and row.flags:
        raise ValueError(f"`flags` is one bare segment, and {service.text} a whole session")
    fits_sending(service, row)
