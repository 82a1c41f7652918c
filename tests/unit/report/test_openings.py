"""What is open, rule by rule: rows of zones, and nothing in them that is not open."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.record.exposure import Exposure, ExposureReport, Pair
from lab.record.sweep import Arrived, Ranges
from lab.record.verdict import Kind
from lab.report.exposed_rows import way
from lab.report.exposure import exposure_lines
from lab.report.openings import openings, source_of, target_of
from lab.report.zones import Zones
from tests.unit.verdict.made import rule, verdict

ZONES = {zone: f"10.0.{number}.10" for number, zone in enumerate(("office", "lab", "guests", "servers"))}
PAIRS = [
    Pair(zone, f"pc-{zone}", source, into, f"pc-{into}", address, 4)
    for (zone, source), (into, address) in product(ZONES.items(), ZONES.items())
    if zone != into
] + [Pair(zone, f"pc-{zone}", source, into, f"fw@{into}", f"10.0.{n}.1", 4)
     for (zone, source), (n, into) in product(ZONES.items(), enumerate(ZONES))]  # fmt: skip
ALL = ((1, 65_535),)


def exposed(pair: Pair, ports: Ranges = ALL, kind: Kind = Kind.CLOSED, number: int = 1, **keys: object) -> Exposure:
    return Exposure(pair, "tcp", ports, kind, Arrived(pair.target.partition("@")[0]), rule(number=number), **keys)  # type: ignore[arg-type]


def lines(*exposures: Exposure, **keys: object) -> list[str]:
    report = ExposureReport("made", exposures, 2, 0, 1.5, pairs=tuple(PAIRS), **{"judged": False, **keys})  # type: ignore[arg-type]
    return [line.strip() for line in exposure_lines(report)]


def test_from_every_zone_to_every_other_is_one_row() -> None:
    hosts = [exposed(pair) for pair in PAIRS if "fw" not in pair.target]
    assert lines(*hosts)[1:4] == [
        "gateway filter:FORWARD:1", "-A FORWARD -j ACCEPT", "all tcp  every zone -> every zone but fw  open, nothing listens",
    ]  # fmt: skip
    own = [exposed(pair, ((22, 22),)) for pair in PAIRS if "fw" in pair.target]
    assert lines(*own)[3] == "tcp/22  every zone -> any address of fw  open, nothing listens"


def test_all_addresses_of_one_host_are_no_zones() -> None:
    own = [pair for pair in PAIRS if "fw" in pair.target]
    (opened,) = openings([exposed(pair) for pair in own if pair.sender == "pc-office"], own, way)
    told = Zones(own).between(opened.rows[0].sources, opened.rows[0].targets)
    assert told == "office pc-office 10.0.0.10 -> any address of fw"


def test_a_zone_is_named_alone_only_where_all_of_it_is_open() -> None:
    two = Pair("office", "pc2", "10.0.0.11", "servers", "pc-servers", "10.0.3.10", 4)
    one = next(pair for pair in PAIRS if (pair.sender, pair.target) == ("pc-office", "pc-servers"))
    asked = [*PAIRS, two]
    (whole,) = openings([exposed(one, ((80, 80),)), exposed(two, ((80, 80),))], asked, way)
    assert Zones(asked).between(whole.rows[0].sources, whole.rows[0].targets) == "office -> servers pc-servers 10.0.3.10"
    asked.append(two._replace(sender="pc3", source="10.0.0.12"))
    (part,) = openings([exposed(one, ((80, 80),)), exposed(two, ((80, 80),))], asked, way)
    assert Zones(asked).between(part.rows[0].sources, part.rows[0].targets) == (
        "office 10.0.0.10/31 -> servers pc-servers 10.0.3.10"
    )


def test_many_addresses_of_one_sender_are_a_range() -> None:
    to = next(pair for pair in PAIRS if (pair.sender, pair.target) == ("pc-office", "pc-servers"))
    many = [to._replace(source=f"10.0.0.{last}") for last in range(10, 15)]
    (row,) = openings([exposed(one, ((80, 80),)) for one in many], [*PAIRS, *many], way)[0].rows
    asked = [*PAIRS, *many, to._replace(sender="pc2", source="10.0.0.99")]
    told = Zones(asked).between(row.sources, row.targets)
    assert told == "office pc-office 10.0.0.10-10.0.0.14 -> servers pc-servers 10.0.3.10"


def test_the_widest_comes_first_and_what_listens_is_said() -> None:
    few = exposed(PAIRS[0], ((80, 80),), number=1)
    many, some = exposed(PAIRS[1], ((1, 99), (101, 65_535)), number=2), exposed(PAIRS[1], ((100, 100),), Kind.ALLOWED, number=2)
    told = lines(few, many, some)
    assert [line for line in told if line.startswith("gateway")] == ["gateway filter:FORWARD:2", "gateway filter:FORWARD:1"]
    assert "yes at pc-guests tcp/100, else open, nothing listens" in told[3]
    assert told[-1].startswith("made: 3 exposures by 2 rules (65,536 ports), 2 questions")


def test_what_comes_beyond_a_limit_and_whom_an_address_stands_for() -> None:
    beyond = verdict(Kind.DROPPED, rule=rule(chain="flood", number=2, target="DROP"))
    prefix = PAIRS[0]._replace(source="203.0.113.1", sources="203.0.113.0/24")
    told = lines(exposed(prefix, ((22, 22),), Kind.ALLOWED, beyond=beyond, limit="25/second burst 50"))
    assert told[3] == (
        "tcp/22  office 203.0.113.0/24 (asked as 203.0.113.1) -> lab pc-lab 10.0.1.10  "
        "yes, to 25/second burst 50; beyond that dropped by gateway filter:flood:2"
    )


def test_what_was_not_asked_and_not_met_is_counted() -> None:
    nine = tuple(f"p{n}: no end" for n in range(9))
    unmet = {"unmet": (rule("old"), rule("far")), "why_unmet": ("", "no tun0")}
    told = lines(**unmet, not_asked=("203.0.113.0/24", "192.0.2.0/24"), lost=nine)
    at = told.index("2 rules that no question met, 1 for no known reason: --full names them")
    assert "old" in told[at + 1]
    assert "2 classes of addresses that were not asked: --full names them" in told
    assert "not proven: p0; p1; p2; p3; p4; p5 and 3 more: no end" in told


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(PAIRS)), st.sets(st.sampled_from(PAIRS)))
def test_rows_hold_all_that_is_open_and_nothing_that_is_not(first: set[Pair], second: set[Pair]) -> None:
    few, one = ((1, 10),), ((80, 80),)
    ports: dict[Pair, Ranges] = {pair: few if pair in first else one for pair in first | second}
    asked = {(source_of(pair), target_of(pair)): pair for pair in PAIRS}
    opened = openings([exposed(pair, of) for pair, of in ports.items()], PAIRS, way)
    told = [
        (asked[source, target], dict(row.services)["tcp"])
        for opening in opened
        for row in opening.rows
        for source, target in product(row.sources, row.targets)
        if (source, target) in asked
    ]
    assert dict(told) == ports
    assert sum(opening.width for opening in opened) == sum(10 if of == few else 1 for of in ports.values())
