"""From rows to cells: products, what rows leave out, and the default for all that no row speaks of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
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
from lab.spec.ends import Ends
from lab.spec.fields import Place
from lab.spec.left_out import Exclusion, kept
from lab.spec.matrix import Default, LeftOut, Matrix, Row
from lab.spec.messages import did_you_mean
from lab.spec.service import in_family, read_services
from lab.spec.topology import Topology

DEFAULT = "default"
FAMILIES = (4, 6)
T = TypeVar("T")
W = TypeVar("W")


def expand(matrix: Matrix, topology: Topology, families: Collection[int] = FAMILIES) -> tuple[Cell, ...]:
    """All cells of ``matrix`` on ``topology``, in the order of its rows, of each row those of IPv4 first.

    ``families`` says which are wanted; raises InputError with every problem found, in the others too.
    """
    expander = _Expander(matrix, topology)
    cells = [cell for index, row in enumerate(matrix.flows) for cell in expander.row(index, row)]
    if matrix.default is not None:
        cells += expander.default(matrix.default, cells)
    problems = expander.problems or [*_same_ids(cells), *contradictions(cells)]
    if problems:
        raise InputError(problems)
    return tuple(cell for cell in cells if cell.family in families)


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
        self._ends = {family: Ends(topology, self._under_test, family) for family in FAMILIES}

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
        place = partial(self._matrix.where, "flows", index)
        parts = {family: self._part(index, row, family) for family in row.family or FAMILIES}
        at = self._tried(lambda: self._at(row.at), place("at"))
        for family in parts:
            self._tried(lambda: self._check_arrival(row.of_family(family)), place("arrives"))  # noqa: B023
        whole = [part for part in parts.values() if part is not None]
        if at is None or len(whole) != len(parts) or not self._speaks_of_something(index, row, whole):
            return
        used: set[int] = set()
        chosen = {part.family: [*self._chosen(part, used)] for part in whole}
        judged = [family for family, found in chosen.items() if found]
        for family in judged:
            of_family = row.of_family(family)
            expect = self._tried(lambda: self._expectation(of_family, family, judged), place("arrives"))  # noqa: B023
            if expect is None:
                continue
            for sender, target, service in chosen[family]:
                yield self._cell(row.name, place(), sender, target, service, family, at, expect, row)
        if not judged:
            self._problem(f"row {row.name!r} selects no cell", place(), "its ends are one node, or `not` leaves out all of it")
        for number in range(len(row.leave_out)):
            if number not in used:
                what = f"row {row.name!r} has nothing of this that could be left out"
                self._problem(what, self._matrix.where("flows", index, "not", number))

    def _part(self, index: int, row: Row, family: int) -> _Part | None:
        """What the row's words stand for in one family; None when one of them stands for nothing anywhere."""
        ends, path = self._ends[family], ("flows", index)
        senders = self._each(ends.senders, row.sender, *path, "from")
        targets = self._each(ends.targets, row.target, *path, "to")
        services = self._each(lambda texts: self._services(texts, row), row.service, *path, "service")
        left_out = self._each(lambda entries: self._left_out(entries, family), row.leave_out, *path, "not")
        if senders is None or targets is None or services is None or left_out is None:
            return None
        if row.source is not None and ip_address(row.source).version != family:
            senders = []
        return _Part(family, senders, targets, [one for one in services if in_family(one, family)], left_out)

    def _speaks_of_something(self, index: int, row: Row, parts: Sequence[_Part]) -> bool:
        """Whether each end is something in some family, and in every family that the row asks for by name; else told."""
        before = len(self.problems)
        for key, words in (("from", row.sender), ("to", row.target)):
            for family in row.family or ():
                for number, word in enumerate(words):
                    if not self._stands_for_something(key, word, row, family):
                        what = f"{_shown([word])} has no IPv{family} address, but the row says family: {_families(row)}"
                        self._problem(what, self._matrix.where("flows", index, key, number))
            if row.family is None and not any(part.senders if key == "from" else part.targets for part in parts):
                what, mend = _nothing(key, words)
                self._problem(what, self._matrix.where("flows", index, key), mend)
        for number, text in enumerate(row.service):
            services = read_services(text, self._topology.services)
            if row.family and not any(in_family(one, family) for one in services for family in row.family):
                what = f"{text} is no service of IPv{row.family[0]}"
                mend = "ICMP is IPv4's (icmp/echo-request), ICMPv6 is IPv6's (icmpv6/echo-request)"
                self._problem(what, self._matrix.where("flows", index, "service", number), mend)
        return len(self.problems) == before

    def _stands_for_something(self, key: str, word: str | Place, row: Row, family: int) -> bool:
        if key == "from":
            fits = row.source is None or ip_address(row.source).version == family
            return fits and bool(self._ends[family].senders([word]))
        return bool(self._ends[family].targets([word]))

    def _chosen(self, part: _Part, used: set[int]) -> Iterator[tuple[Sender, Target, Service]]:
        """The product of a row's ends and services, less what ``not`` leaves out; notes which entries left something out."""
        own = self._own_addresses(part.family)
        # net: and role: leave out the node under test by themselves; to say it once more is no mistake.
        used |= {number for number, entry in enumerate(part.left_out) if entry.senders is not None and entry.senders & own}
        for sender in part.senders:
            for target in part.targets:
                if sender.node == target.node:
                    continue
                for service in part.services:
                    left = kept(sender, target, service, part.left_out, used)
                    if left is not None:
                        yield sender, target, left

    def default(self, default: Default, cells: Sequence[Cell]) -> list[Cell]:
        """The complement of all rows, pair by pair of nodes on different networks (or with the node under test)."""
        place = partial(self._matrix.where, "default")
        free = unclaimed(cells)
        at = self._tried(lambda: self._at(default.at), place("at"))
        found: list[Cell] = []
        for family in FAMILIES:
            ends = self._ends[family]
            senders = self._each(ends.senders, default.between, "default", "between")
            targets = self._each(ends.targets, default.between, "default", "between")
            services = self._each(self._services, default.services, "default", "services")
            if senders is None or targets is None or services is None or at is None:
                continue
            part = _Part(family, senders, targets, [one for one in services if in_family(one, family)], [])
            chosen = [*self._unspoken(part, at, free)]
            if not chosen:
                continue
            expect = self._tried(lambda: self._default_expectation(default, family), place("expect"))  # noqa: B023
            if expect is None:
                continue
            for sender, target, service in chosen:
                found.append(self._cell(DEFAULT, place(), sender, target, service, family, at, expect, None))
        if not found and not self.problems:
            mend = "name two networks, or a node and a network"
            self._problem("the default selects no cell: nothing is left between these", place("between"), mend)
        return found

    def _unspoken(
        self, part: _Part, at: str, free: Callable[[Sender, Target, Service], Service | None]
    ) -> Iterator[tuple[Sender, Target, Service]]:
        """What no row speaks of."""
        for sender in part.senders:
            for target in part.targets:
                if self._crosses(sender, target, at):
                    for service in part.services:
                        left = free(sender, target, service)
                        if left is not None:
                            yield sender, target, left

    def _default_expectation(self, default: Default, family: int) -> Expectation:
        expect = default.expect
        _fits(expect.reject_with, family, FAMILIES)
        return Expectation(expect.action, expect.reject_with, rule=default.rule, logged=default.logged, by=default.by)

    def _crosses(self, sender: Sender, target: Target, at: str) -> bool:
        """Whether a packet between these two meets the node under test: neighbours on one network speak without it."""
        if sender.node == target.node:
            return False
        if at in (sender.node, target.node):
            return True
        network = self._topology.network_of
        return network(sender.address) != network(target.address)

    def _cell(
        self, name: str, where: Where, sender: Sender, target: Target, service: Service, family: int, at: str,
        expect: Expectation, row: Row | None,
    ) -> Cell:  # fmt: skip
        ack = row is not None and row.ack
        source = row.source if row is not None else None
        words = service.text + (" ack" if ack else "")
        return Cell(
            id=f"{self._matrix.matrix}::{name}[{sender.label}->{target.label} {words}]" + ("/6" if family == 6 else ""),
            matrix=self._matrix.matrix,
            row=name,
            where=where,
            sender=replace(sender, address=source) if source else sender,
            target=target,
            service=service,
            family=family,
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

    def _left_out(self, entries: Sequence[LeftOut], family: int) -> list[Exclusion]:
        ends = self._ends[family]
        return [
            Exclusion(
                None if entry.sender is None else frozenset(sender.address for sender in ends.senders(entry.sender)),
                None if entry.target is None else frozenset(target.address for target in ends.targets(entry.target)),
                None if entry.service is None else self._services(entry.service),
            )
            for entry in entries
        ]

    def _own_addresses(self, family: int) -> set[str]:
        """The addresses of the nodes under test."""
        return {address for node in self._under_test for address in self._topology.addresses(node, family)}

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

    def _expectation(self, row: Row, family: int, judged: Collection[int]) -> Expectation:
        """What ``row``, as it is for ``family``, expects; ``judged`` are all families that the row has cells of."""
        _fits(row.expect.reject_with, family, judged)
        conntrack, leaves, known, exemption = row.conntrack, row.leaves, row.known, row.exemption
        return Expectation(
            action=row.expect.action,
            reject_with=row.expect.reject_with,
            arrives=self._arrives(row, family, judged),
            leaves=Leaves(leaves.via, leaves.mark) if leaves else None,
            conntrack=ExpectedConntrack(conntrack.state, conntrack.assured, conntrack.mark) if conntrack else None,
            rule=row.rule,
            through=tuple(row.through),
            logged=row.logged,
            by=row.by,
            exemption=Exemption(exemption.owner, exemption.ticket, exemption.review) if exemption else None,
            known=Known(known.until, known.ticket, known.why) if known else None,
        )

    def _check_arrival(self, row: Row) -> None:
        node = row.arrives.at if row.arrives is not None else None
        if node is not None and node not in self._topology.nodes:
            raise ValueError(f"there is no node {node!r}\n{did_you_mean(node, self._topology.nodes, 'the nodes')}")

    def _arrives(self, row: Row, family: int, judged: Collection[int]) -> Arrives | None:
        written = row.arrives
        if written is None:
            return None
        address, source = (self._one_address(word, family, judged) for word in (written.address, written.source))
        return Arrives(written.at, address, written.port, source)

    def _one_address(self, word: str | None, family: int, judged: Collection[int]) -> str | None:
        """The address that a word after `address` or `from` stands for; ``kept`` stays."""
        if word is None or word == "kept":
            return word
        found = self._ends[family].targets([word])
        if not found:
            raise ValueError(f"{word!r} has no IPv{family} address\n{_say_which(judged)}")
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


@dataclass(frozen=True, slots=True)
class _Part:
    """What a row's words stand for in one family."""

    family: int
    senders: Sequence[Sender]
    targets: Sequence[Target]
    services: Sequence[Service]
    left_out: Sequence[Exclusion]


def _shown(words: Sequence[str | Place]) -> str:
    return ", ".join(word if isinstance(word, str) else f"{word.at}:{word.address}" for word in words)


def _families(row: Row) -> str:
    return "both" if row.family == FAMILIES else str((row.family or (4,))[0])


def _nothing(key: str, words: Sequence[str | Place]) -> tuple[str, str]:
    if key == "to":
        return f"{_shown(words)} selects no address", ""
    mend = "role: and net: leave out the node under test here: to send from it, name it"
    return f"{_shown(words)} selects no node that could send", mend


def _say_which(judged: Collection[int]) -> str:
    if len(judged) < 2:
        return ""
    return "the row is judged in both families: say what differs under `v4:` and `v6:`, or say `family: 4`"


def _fits(kind: str | None, family: int, judged: Collection[int]) -> None:
    """Refuse an answer of REJECT that the family has not."""
    wrong = {4: "icmp6-", 6: "icmp-"}[family]
    if kind is not None and kind.startswith(wrong):
        also = " (icmpx-port-unreachable and the like are of both families)"
        raise ValueError(f"{kind} is no answer of IPv{family}\n{_say_which(judged)}{also if len(judged) > 1 else ''}")
