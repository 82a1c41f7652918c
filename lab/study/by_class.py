"""The pairs that ask from and to an address of every class: of those that rules name and that no node has, too.

A pair is asked unless one is that the rules of the nodes under test do not tell from it: from the same zone, to the same
place, with the same class or the usual address at each end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from ipaddress import ip_address
from itertools import islice
from typing import NamedTuple, Protocol, TypedDict

from lab.record.exposure import Constant, Pair
from lab.ruleset.address_conditions import entries_of
from lab.ruleset.addresses import Addresses, address_words, read_addresses, size
from lab.ruleset.conditions import DESTINATIONS, SOURCES
from lab.ruleset.held import Chains
from lab.study.classes import AddressClass, Partition, representatives, words_of
from lab.study.compare_classes import ThenClasses
from lab.study.ends import Geography, ToPlace
from lab.study.reach import NodeRules, Reach, bits_of
from lab.written.topology import Topology

MOST_PAIRS = 1_000  # that are added in a family
_MOST_CROSSED = 200  # of these, pairs of two classes that no rule names together
_MOST_COMPARED = 1_000_000  # of two classes that no rule names together
_MOST_NAMED = 5
_TRIED = 200  # addresses of a class
NOBODY = "no node"
_CROSSED = 2  # the rank of a pair of two classes that no rule names together


class Rulesets(Protocol):
    """What a node under test holds: its chains, and the texts of its rulesets by kind."""

    @property
    def chains(self) -> Chains:
        """Every chain."""

    @property
    def texts(self) -> Mapping[str, str]:
        """What rules and sets stand in, by kind."""


class Classes(NamedTuple):
    """The pairs that are added, and what was left out, in words and by family; ``constants`` tell addresses apart."""

    pairs: tuple[Pair, ...] = ()
    not_asked: tuple[str, ...] = ()
    constants: tuple[Constant, ...] = ()
    partial: tuple[int, ...] = ()


class _Side(NamedTuple):
    """One end's addresses: ``numbers`` of the sets that rules name, as bits ``named``, with those of earlier ``told``."""

    partition: Partition
    sets: Sequence[Addresses]
    numbers: Mapping[Addresses, int]
    named: int
    told: int

    def inside(self, address: str) -> int:
        """In which sets an address is that rules name, now or when it was asked before."""
        return self.partition.at(int(ip_address(address))) & self.told


class _End(NamedTuple):
    """One end of a pair: ``kind`` is its class, None for the usual address; ``inside`` the sets that it is in."""

    zone: str
    name: str
    address: str
    inside: int
    kind: int | None = None
    words: str | None = None
    width: int = 1


class Way(TypedDict):
    """How a packet passes a node."""

    own: bool
    entered: tuple[str, ...] | None
    left: tuple[str, ...] | None


class _Candidate(NamedTuple):
    rank: int
    width: int
    pair: Pair


def by_class(
    topology: Topology, nodes: Mapping[str, Rulesets], family: int, usual: Sequence[Pair], *,
    wanted: Callable[[Pair], bool] = lambda _: True, then: Sequence[Constant] = (), again: Sequence[Pair] = (),
) -> Classes:  # fmt: skip
    """The pairs of a family that are asked beside the ``usual`` ones, as far as they are ``wanted``.

    ``then`` is what told addresses apart when they were asked before, and ``again`` the pairs that are asked once more.
    """
    geography = Geography(topology, tuple(nodes), family)
    rules = {name: NodeRules(name, held.chains, family, entries_of(held.texts)) for name, held in nodes.items()}
    sides = tuple(
        _side(geography, [one for of in rules.values() for one in of.named(field)], _then(then, family, end))
        for field, end in ((SOURCES, "source"), (DESTINATIONS, "destination"))
    )
    chooser = _Chooser(geography, rules, sides[0], sides[1], wanted)
    chooser.begin([pair for pair in usual if pair.family == family], [pair for pair in again if pair.family == family])
    chooser.compare()
    constants = (
        *(Constant(family, "source", address_words(one, family)) for one in sides[0].numbers),
        *(Constant(family, "destination", address_words(one, family)) for one in sides[1].numbers),
    )
    pairs, not_asked, whole = chooser.chosen()
    unread = dict.fromkeys(name for of in rules.values() for reading in of.readings for name in reading.unread)
    changing = [f"IPv{family}: the addresses of {name}, which are not in the text or change" for name in unread]
    return Classes(pairs, (*not_asked, *changing), constants, () if whole else (family,))


def by_classes(
    topology: Topology, nodes: Mapping[str, Rulesets], usual: Sequence[Pair], wanted: Callable[[Pair], bool],
    then: ThenClasses | None,
) -> Classes:  # fmt: skip
    """`by_class` of every family that is asked."""
    constants = () if then is None else then.constants
    again = () if then is None else then.again(topology, tuple(nodes))
    found = [
        by_class(topology, nodes, family, usual, wanted=wanted, then=constants, again=[pair for pair in again if wanted(pair)])
        for family in dict.fromkeys(pair.family for pair in usual)
    ]
    return Classes(
        tuple(pair for one in found for pair in one.pairs), tuple(words for one in found for words in one.not_asked),
        tuple(constant for one in found for constant in one.constants),
        tuple(family for one in found for family in one.partial),
    )  # fmt: skip


def _then(then: Iterable[Constant], family: int, end: str) -> list[Addresses]:
    return [read_addresses(one.addresses, family) for one in then if one.family == family and one.end == end]


def _side(geography: Geography, named: Iterable[Addresses], then: Iterable[Addresses]) -> _Side:
    now = list(dict.fromkeys(named))
    before = [one for one in dict.fromkeys(then) if one not in now]
    sets = [*now, *before, *geography.sets()]
    numbers = {one: number for number, one in enumerate(now)}
    told = (1 << (len(now) + len(before))) - 1
    return _Side(Partition(geography.family, sets), sets, numbers, (1 << len(now)) - 1, told)


class _Chooser:
    """Compares the pairs of every class with those that are asked already."""

    def __init__(
        self, geography: Geography, rules: Mapping[str, NodeRules], sources: _Side, destinations: _Side,
        wanted: Callable[[Pair], bool],
    ) -> None:  # fmt: skip
        self._geography, self._topology, self._family = geography, geography.topology, geography.family
        self._sources, self._destinations, self._wanted = sources, destinations, wanted
        numbers = sources.numbers, destinations.numbers
        self._reach = {
            name: Reach(of, numbers, destinations.partition.at, self._topology.addresses(name, self._family))
            for name, of in rules.items()
        }
        self._asked: dict[tuple[str, ToPlace], dict[tuple[int | None, int | None], set[object]]] = {}
        self._usual_rules: dict[tuple[str, ToPlace, str], int] = {}
        self._again: list[Pair] = []
        self._candidates: list[_Candidate] = []
        self._nowhere: dict[str, None] = {}
        self._usual: tuple[list[_End], list[_End]] = [], []
        self._compared = True
        self._place, self._owners, self._way = cache(geography.place), cache(self._topology.owners), cache(self._way_of)

    def begin(self, usual: Sequence[Pair], again: Sequence[Pair]) -> None:
        """Take in what is asked anyway."""
        senders, targets = dict[_End, None](), dict[_End, None]()
        for pair in (*usual, *again):
            sender = _End(pair.zone, pair.sender, pair.source, self._sources.inside(pair.source))
            target = _End(pair.into, pair.target, pair.address, self._destinations.inside(pair.address))
            if pair.sources is not None:
                sender = sender._replace(kind=sender.inside)
            if pair.targets is not None:
                target = target._replace(kind=target.inside)
            to = self._place(pair.address)
            if to is not None:
                self._keep(sender, target, to, self._met(sender, target, to))
                for name, met in self._rules_met(sender, target, to):
                    if not pair.speaks_for_others:
                        self._usual_rules[pair.zone, to, name] = self._usual_rules.get((pair.zone, to, name), 0) | met
            if pair.speaks_for_others:
                self._again.append(pair)
            else:
                senders[sender] = targets[target] = None
        self._usual = list(senders), list(targets)

    def compare(self) -> None:
        """Find the pairs that the rules tell from those that are asked."""
        sources = list(self._class_senders())
        targets = list(self._class_targets())
        for sender in sources:
            for target in self._usual[1]:
                self._consider(sender, target, 0)
        for sender in self._usual[0]:
            for target in targets:
                self._consider(sender, target, 0)
        self._compared = len(sources) * len(targets) <= _MOST_COMPARED
        both = {name: one.sources.named & one.destinations.named for name, one in self._reach.items()}
        for sender in sources if self._compared else ():
            ours = {name: one.sources.admit(sender.inside) & both[name] for name, one in self._reach.items()}
            for target in targets:
                named = any(ours[name] & one.destinations.admit(target.inside) for name, one in self._reach.items())
                self._consider(sender, target, 0 if named else _CROSSED)

    def chosen(self) -> tuple[tuple[Pair, ...], tuple[str, ...], bool]:
        """The pairs that are added, what was not asked in words, and whether all were."""
        ordered = sorted(self._candidates, key=lambda one: (one.rank, -one.width))
        crossed = sum(one.rank == _CROSSED for one in ordered)
        most = min(MOST_PAIRS, len(ordered) - crossed + _MOST_CROSSED)
        left_out = ordered[most:]
        told = list(self._nowhere)
        if left_out:
            named = [f"{_said(one.pair.sender, one.pair.sources)} > {_said(one.pair.target, one.pair.targets)}"
                     for one in left_out[:_MOST_NAMED]]  # fmt: skip
            more = f" and {len(left_out) - _MOST_NAMED} more" if len(left_out) > _MOST_NAMED else ""
            told.append(f"IPv{self._family}: {len(left_out)} pairs of classes of addresses, "
                        f"as {len(ordered)} are too many: {'; '.join(named)}{more}")  # fmt: skip
        if not self._compared:
            told.append(f"IPv{self._family}: pairs of two classes of addresses, as there are too many")
        pairs = tuple(one.pair for one in ordered[:most])
        return (*self._again, *pairs), tuple(told), self._compared and not left_out

    def _consider(self, sender: _End, target: _End, rank: int) -> None:
        to = self._place(target.address)
        if to is None or to == ("net", sender.zone) or sender.name in self._owners(target.address):
            return  # what stays inside a network passes no firewall
        pair = Pair(sender.zone, sender.name, sender.address, target.zone, target.name, target.address, self._family,
                    sender.words, target.words)  # fmt: skip
        if not self._wanted(pair):
            return
        met = self._met(sender, target, to)
        asked = self._asked.get((sender.zone, to), {})
        # of a class's addresses and the usual one the rules may know no difference: then the usual one speaks for both
        kinds = [(source, destination) for source in {sender.kind, None} for destination in {target.kind, None}]
        if any(met in asked.get(kind, ()) for kind in kinds):
            return
        self._keep(sender, target, to, met)
        opens = any(
            rules & ~self._usual_rules.get((sender.zone, to, name), 0) & self._reach[name].rules.openers
            for name, rules in self._rules_met(sender, target, to)
        )
        self._candidates.append(_Candidate(rank or (0 if opens else 1), sender.width * target.width, pair))

    def _keep(self, sender: _End, target: _End, to: ToPlace, met: object) -> None:
        of_place = self._asked.setdefault((sender.zone, to), {})
        of_place.setdefault((sender.kind, target.kind), set()).add(met)

    def _met(self, sender: _End, target: _End, to: ToPlace) -> object:
        return tuple(
            (name, self._reach[name].met(sender.inside, target.inside, **self._way(name, sender.zone, sender.name, to)))
            for name in self._geography.relevant(to)
        )

    def _rules_met(self, sender: _End, target: _End, to: ToPlace) -> Iterator[tuple[str, int]]:
        for name in self._geography.relevant(to):
            way = self._way(name, sender.zone, sender.name, to)
            yield name, self._reach[name].rules_met(sender.inside, target.inside, **way)

    def _way_of(self, node: str, zone: str, sender: str, to: ToPlace) -> Way:
        return {
            "own": to == ("own", node), "entered": self._geography.entered(node, zone, sender),
            "left": self._geography.left(node, to),
        }  # fmt: skip

    def _class_senders(self) -> Iterator[_End]:
        """One for each class of sources and zone that it may come from, but where the usual sender is of that class."""
        usual = {(end.zone, end.inside) for end in self._usual[0]}
        for one, own in self._cells(self._sources):
            inside = one.inside & self._sources.told
            for address in own or islice(representatives(one.addresses, self._family, self._topology), _TRIED):
                if not own and self._has(address):
                    continue
                found = self._geography.senders(address)
                if not found:
                    self._lies_nowhere("from", self._sources, one)
                for zone, node in found:
                    if (zone, inside) not in usual:
                        owner = self._topology.owner(address) if own else None
                        yield self._end(self._sources, one, zone, owner or node, address)
                break

    def _class_targets(self) -> Iterator[_End]:
        """One for each class of destinations and place, where no usual target of that place is of that class."""
        usual = {(self._place(end.address), end.inside) for end in self._usual[1]}
        for one, _ in self._cells(self._destinations):
            inside = one.inside & self._destinations.told
            for address in islice(representatives(one.addresses, self._family, self._topology), _TRIED):
                if self._has(address):
                    continue
                to = self._place(address)
                if to is None:
                    self._lies_nowhere("to", self._destinations, one)
                elif (to, inside) not in usual:
                    name = self._topology.owner(address) or NOBODY
                    yield self._end(self._destinations, one, self._geography.into(address), name, address)
                break

    def _end(self, side: _Side, one: AddressClass, zone: str, name: str, address: str) -> _End:
        lies = self._topology.network_of(address)
        rest = f"other addresses of {lies}" if lies else "other addresses beyond"
        inside = one.inside & side.told
        return _End(zone, name, address, inside, inside, self._words(side, one, rest), size(one.addresses))

    def _words(self, side: _Side, one: AddressClass, rest: str) -> str:
        return words_of(one.addresses, self._family, (side.sets[number] for number in bits_of(one.inside & side.told)), rest)

    def _cells(self, side: _Side) -> Iterator[tuple[AddressClass, list[str]]]:
        """Each class in each place, and its addresses that nodes have which are not under test."""
        own: dict[int, list[str]] = {}
        for node in self._topology.nodes:
            for address in () if node in self._geography.under_test else self._topology.addresses(node, self._family):
                own.setdefault(side.partition.at(int(ip_address(address))), []).append(address)
        for one in side.partition.classes:
            yield one, own.get(one.inside, [])

    def _has(self, address: str) -> bool:
        """Whether a node has this very address."""
        return self._topology.holder(address) is not None

    def _lies_nowhere(self, word: str, side: _Side, one: AddressClass) -> None:
        if one.inside & side.named:
            lies = "nobody sends from there" if word == "from" else "no node under test has a way there"
            self._nowhere[f"{word} {self._words(side, one, '')}: {lies} in this topology"] = None


def _said(name: str, words: str | None) -> str:
    return name if words is None else words
