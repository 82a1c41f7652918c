"""A first matrix of a twin: what its rules do today, row by row, as an exposure measured it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.record.exposure import Exposure, ExposureReport, Pair
from lab.record.sweep import Ranges
from lab.record.verdict import Kind
from lab.ruleset.rule import overlap
from lab.twin.matrix_words import Words
from lab.twin.yaml_flow import comment, flow
from lab.written.service import parse_ports, ports_text, without

PROTOCOLS = ("tcp", "udp")
EVERY: Ranges = ((1, 65_535),)
_MOST_PORTS = 32  # that a row asks one by one: each takes a connection
_KNOWN = (22, 53, 80, 123, 443, 3389, 8080)
_MOST_OF_CLASSES = 60  # rows about classes of addresses: what more there are is for `lab exposure`
_LISTENS = (Kind.ALLOWED, Kind.CLOSED)

Untold = Mapping[tuple[str, str, str, int, str], Sequence[tuple[Ranges, str]]]
"""Ports of which nothing is known, and why, by sender, target, address, family and protocol."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a row says of one pair, and the keys that it says it by.

    ``left_out`` are services that a row of what is denied does not speak of; ``family`` is told where no pair does.
    """

    pair: Pair
    services: tuple[str, ...]
    expect: str
    at: str | None
    rule: str | None = None
    arrives: tuple[tuple[str, str | int], ...] = ()
    left_out: tuple[str, ...] = ()
    remark: str = ""
    family: int = 0


_ANY = Pair("", "", "", "", "", "", 0)


@dataclass(slots=True)
class Characterised:
    """The rows, by what they say; ``remarks`` are what no row says."""

    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as its file has it, under a name of its own."""

    name: str
    keys: tuple[tuple[str, object], ...]
    remark: str = ""

    def text(self) -> str:
        """The row as lines of the file."""
        parts = ", ".join(f"{key}: {flow(value)}" for key, value in self.keys)
        remark = f"   # {self.remark}" if self.remark else ""
        return f"  - {{name: {flow(self.name)},{remark}\n     {parts}}}"


def some_of(ports: Ranges) -> Ranges:
    """Ports that stand for many: both ends of each range, and services that people know; all where they are few.

    >>> some_of(((8000, 9000),)), some_of(((8001, 8010),))
    (((8000, 8000), (8080, 8080), (9000, 9000)), ((8001, 8010),))
    """
    if sum(high - low + 1 for low, high in ports) <= _MOST_PORTS:
        return ports
    ends = {end for low, high in ports for end in (low, high)}
    known = {port for port in _KNOWN if any(low <= port <= high for low, high in ports)}
    first = sorted(ends)[:_MOST_PORTS - len(known)]
    return tuple((port, port) for port in sorted({*first, *known}))


def characterised(report: ExposureReport, words: Words, untold: Untold) -> Characterised:
    """Rows for all that is open, with the rule that opens it, and for all else that was asked; of classes where they differ."""
    found = Characterised()
    untold = _with_beside_rules(report, untold, words, found.remarks)
    by_pair: dict[Pair, list[Exposure]] = {pair: [] for pair in report.asked}
    for exposure in report.exposures:
        by_pair.setdefault(exposure.pair, []).append(exposure)
    facts: list[Fact] = []
    of_classes: list[Fact] = []
    for pair, exposures in by_pair.items():
        if pair.speaks_for_others:
            of_classes += _of_class(pair, exposures, by_pair, words, untold)
        else:
            facts += _allowed(pair, exposures, words, found.remarks)
            facts += _denied(pair, exposures, words, untold)
    found.rows = list(_named(_rows(facts, words)))
    rows = list(_named(_rows(of_classes, words), {row.name for row in found.rows}))
    found.rows += rows[:_MOST_OF_CLASSES]
    if len(rows) > _MOST_OF_CLASSES:
        found.remarks.append(f"{len(rows) - _MOST_OF_CLASSES} more differences between sources: `lab exposure` lists them")
    found.remarks += [f"not asked: {one}" for one in report.not_asked]
    found.remarks += [f"not proven: {one}" for one in report.lost] + [f"by chance: {one}" for one in report.unsettled]
    return found


def _with_beside_rules(report: ExposureReport, untold: Untold, words: Words, remarks: list[str]) -> Untold:
    """What no row may say is denied: what is not known, and what something else than a rule denies."""
    found = {place: list(ports) for place, ports in untold.items()}
    for pair, proto, ports, kind in report.beside_rules:
        place = pair.sender, pair.target, pair.address, pair.family, proto
        found.setdefault(place, []).append((ports, str(kind)))
        if not pair.speaks_for_others:
            service = f"{proto}/{ports_text(some_of(ports))}"
            what = f"{words.sender(pair)} to {words.target(pair)}, {service}"
            remarks.append(f"{what}: {kind}, and not by a rule, so that no row says it")
    return found


def _allowed(pair: Pair, exposures: Iterable[Exposure], words: Words, remarks: list[str]) -> Iterator[Fact]:
    for one in exposures:
        service = f"{one.proto}/{ports_text(one.ports)}"
        if one.kind not in _LISTENS or one.arrived is None or one.arrived.at is None or one.unsettled:
            remarks.append(f"{words.sender(pair)} to {words.target(pair)}, {service}: {one.kind}, so that no row says it")
            continue
        rule = None if one.rule is None else one.rule.comment
        at = words.at(pair) if one.rule is None or words.is_alone else one.rule.node
        remark = "" if one.limit is None else f"up to {one.limit}"
        yield Fact(pair, (service,), "allow", at, rule, _arrives(one, words), remark=remark)


def _arrives(one: Exposure, words: Words) -> tuple[tuple[str, str | int], ...]:
    """What the receiver sees of a packet that is translated."""
    to = one.arrived
    if to is None or to.at is None:
        return ()
    translated = to.address is not None or to.port is not None
    keys: list[tuple[str, str | int]] = [("at", to.at)] if translated or to.at != words.owner(one.pair) else []
    keys += [("address", to.address)] if to.address is not None else []
    keys += [("port", to.port)] if to.port is not None else []
    return (*keys, *((("from", to.source),) if to.source is not None else ()))


def _open(exposures: Iterable[Exposure], proto: str) -> Ranges:
    return tuple(sorted(part for one in exposures if one.proto == proto for part in one.ports))


def _denied(pair: Pair, exposures: Sequence[Exposure], words: Words, untold: Untold) -> Iterator[Fact]:
    """What of a pair is denied: all that is not open, and of which that is known."""
    if not words.is_denied_by_one(pair):
        return
    services, left_out = [], []
    for proto in PROTOCOLS:
        unknown = untold.get((pair.sender, pair.target, pair.address, pair.family, proto), ())
        beside = sorted({*_open(exposures, proto), *(part for ports, _ in unknown for part in ports)})
        rest: Ranges | None = EVERY
        for part in beside:
            rest = without(rest, (part,)) if rest else rest
        if rest:
            services.append(f"{proto}/1-65535")
            left_out += [f"{proto}/{ports_text(beside)}"] if beside else []
    if services:
        yield Fact(pair, tuple(services), "deny", words.at(pair), left_out=tuple(left_out))


def _of_class(
    pair: Pair, exposures: Sequence[Exposure], by_pair: Mapping[Pair, Sequence[Exposure]], words: Words, untold: Untold
) -> Iterator[Fact]:
    """How a class of addresses is treated otherwise than who is asked usually."""
    usual = next((one for one in by_pair if not one.speaks_for_others and words.is_usual(one, pair)), None)
    if usual is None:
        return
    for proto in PROTOCOLS:
        here, there = _open(exposures, proto), _open(by_pair[usual], proto)
        unknown = [ports for ports, _ in untold.get((pair.sender, pair.target, pair.address, pair.family, proto), ())]
        for one in exposures:
            more = _less(one.ports, there)
            if one.proto == proto and more:
                part = Exposure(pair, proto, more, one.kind, one.arrived, one.rule, unsettled=one.unsettled, limit=one.limit)
                yield from _allowed(pair, [part], words, [])
        less = _less(there, here)
        for ports in unknown:
            less = _less(less, ports)
        if less and words.is_denied_by_one(pair):
            yield Fact(pair, (f"{proto}/{ports_text(less)}",), "deny", words.at(pair))


def _less(ports: Ranges, others: Ranges) -> Ranges:
    rest: Ranges | None = ports
    for part in others:
        rest = without(rest, (part,)) if rest and overlap(rest, (part,)) else rest
    return rest or ()


@dataclass(slots=True)
class _Group:
    """Facts that say the same of several pairs: every sender to every target."""

    fact: Fact
    senders: dict[str, Pair] = field(default_factory=dict)
    targets: dict[str, Pair] = field(default_factory=dict)


def _rows(facts: Sequence[Fact], words: Words) -> Iterator[Row]:
    """Facts that say the same together: those of one sender to several targets, then those of several senders to the same."""
    of_sender: dict[tuple[object, ...], _Group] = {}
    for fact in _both_protocols(facts):
        sender, target = repr(words.sender_word(fact.pair)), repr(words.target_word(fact.pair))
        ends = sender, fact.pair.sources, words.owner(fact.pair), fact.pair.targets
        same = of_sender.setdefault((ends, _of_any(fact)), _Group(fact))
        same.senders[sender] = same.targets[target] = fact.pair
    together: dict[tuple[object, ...], _Group] = {}
    for group in of_sender.values():
        alone = group.fact.pair.sources  # who is asked for others has a row of its own
        key = tuple(group.targets), alone and tuple(group.senders), _of_any(group.fact)
        together.setdefault(key, group).senders.update(group.senders)
    for group in together.values():
        yield _row(group, words)


def _of_any(fact: Fact) -> Fact:
    return replace(fact, pair=_ANY, family=fact.pair.family)


def _both_protocols(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Facts that differ in their services alone, together."""
    found: dict[Fact, list[str]] = {}
    for fact in facts:
        found.setdefault(replace(fact, services=()), []).extend(fact.services)
    for fact, services in found.items():
        yield replace(fact, services=tuple(services))


def _row(group: _Group, words: Words) -> Row:
    fact = group.fact
    senders, targets = list(group.senders.values()), list(group.targets.values())
    whole = words.whole(targets)
    services = tuple(map(_asked, fact.services)) if fact.expect == "allow" else fact.services
    keys: list[tuple[str, object]] = [
        ("from", _one_or_several([words.sender_word(pair) for pair in senders])),
        ("to", whole if whole is not None else _one_or_several([words.target_word(pair) for pair in targets])),
        ("service", _one_or_several(services)), ("family", fact.pair.family), ("expect", fact.expect),
    ]  # fmt: skip
    keys += [(key, value) for key, value in (("at", fact.at), ("rule", fact.rule)) if value is not None]
    keys += [("arrives", dict(fact.arrives))] if fact.arrives else []
    keys += [("not", [{"service": list(fact.left_out)}])] if fact.left_out else []
    some = "some of these ports" if services != fact.services else ""
    remark = ", ".join(filter(None, (some, fact.remark)))
    return Row(_name(fact, words.senders(senders), words.targets(targets), words), tuple(keys), remark)


def _asked(service: str) -> str:
    proto, _, ports = service.partition("/")
    return f"{proto}/{ports_text(some_of(parse_ports(ports)))}"


def _name(fact: Fact, sender: str, target: str, words: Words) -> str:
    if fact.expect == "allow":
        return f"{sender} reaches {target}: {words.services(fact.services)}"
    if any(service.endswith("/1-65535") for service in fact.services):
        return f"{sender} reaches nothing{' else' if fact.left_out else ''} of {target}"
    return f"{sender} does not reach {target}: {words.services(fact.services)}"


def _one_or_several(values: Sequence[object]) -> object:
    return values[0] if len(values) == 1 else list(values)


def _named(rows: Iterable[Row], taken: Iterable[str] = ()) -> Iterator[Row]:
    """The rows, each with a name that no other has."""
    seen: dict[str, int] = dict.fromkeys(taken, 1)
    for row in rows:
        name = row.name.replace("[", "(").replace("]", ")")
        count = seen[name] = seen.get(name, 0) + 1
        yield Row(name if count == 1 else f"{name} ({count})", row.keys, row.remark)


def matrix_text(found: Characterised, *, name: str, policies: Mapping[str, str], source: str, role: str) -> str:
    """The matrix as a file, marked as what it is."""
    lines = [
        comment(f"Made by `lab twin {source}`: a CHARACTERISATION: what this ruleset does today, not what it should do."),
        comment("Read each row, keep what is meant, and change what is not: it is red then, until the rules are changed."),
        *(comment(remark) for remark in dict.fromkeys(found.remarks)),
        f"matrix: {flow(name)}",
        'about: "What the rules do today, measured; nobody has said yet that it is meant."',
        f"for: {flow(role)}",
        f"topology: {flow(name)}",
        f"policies: {flow(dict(policies))}",
        "flows:" if found.rows else "flows: []",
        *(row.text() for row in found.rows),
    ]
    return "\n".join((*lines, ""))
