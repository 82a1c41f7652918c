"""Classes of addresses: no rule tells two of one class apart, and one of each is asked."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from lab.ruleset.address_conditions import named_by, only_counts, read_conditions
from lab.ruleset.addresses import address_words, read_addresses
from lab.ruleset.conditions import DESTINATIONS, SOURCES
from lab.ruleset.ipset import entries
from lab.study.classes import Partition
from tests.unit.ruleset.made import rule_of

# few bits, so that prefixes lie in each other
numbers = st.integers(0, 31).map(lambda low: f"10.0.0.{low}")
prefixes = st.tuples(st.integers(0, 31), st.integers(27, 32)).map(
    lambda one: f"10.0.0.{one[0] & (0xFF << (32 - one[1]))}/{one[1]}"
)
ranges = st.tuples(st.integers(0, 15), st.integers(0, 15)).map(lambda one: f"10.0.0.{one[0]}-10.0.0.{one[0] + one[1]}")


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A rule of either dialect that asks for addresses."""
    end, sign = draw(st.sampled_from(["s", "d"])), draw(st.sampled_from(["", "! "]))
    long = {"s": "src", "d": "dst"}[end]
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return f"-A FORWARD {sign}-{end} {draw(prefixes)} -j ACCEPT"
    if kind == 1:
        return f"-A FORWARD -m iprange {sign}--{long}-range {draw(ranges)} -j DROP"
    if kind == 2:
        return f"ip {end}addr {'!= ' if sign else ''}{draw(prefixes)} accept"
    chosen = draw(st.lists(numbers, min_size=1, max_size=5, unique=True))
    if kind == 3:
        return f"ip {end}addr {{ {', '.join(chosen)} }} tcp dport 22 accept"
    if kind == 4:
        elements = ", ".join(f"{one} . {80 + place % 2}" for place, one in enumerate(chosen))
        return f"ip {end}addr . tcp dport {{ {elements} }} accept"
    verdicts = (f"{one} : {'accept' if place % 2 else 'drop'}" for place, one in enumerate(chosen))
    return f"ip {end}addr vmap {{ {', '.join(verdicts)} }}"


@given(st.lists(rules(), max_size=8))
def test_no_rule_tells_two_addresses_of_a_class_apart(texts: list[str]) -> None:
    conditions = [one for text in texts for one in read_conditions(rule_of(text), 4, {}).conditions]
    assert len(conditions) == len(texts)
    for field in (SOURCES, DESTINATIONS):
        partition = Partition(4, list(named_by(conditions, field)))
        seen: dict[int, list[tuple[bool, ...]]] = {}
        for low in range(34):
            number = int(IPv4Address(f"10.0.0.{low}"))
            told = tuple(
                (one.may_be(number), *(any(first <= number <= last for first, last in group) for group in one.groups))
                for one in conditions
                if one.field == field
            )
            seen.setdefault(partition.at(number), []).append(told)  # type: ignore[arg-type]
        assert all(len(set(ones)) == 1 for ones in seen.values())
        assert sum(high - low + 1 for one in partition.classes for low, high in one.addresses) == 1 << 32


def words_read(text: str, sets: str = "") -> list[tuple[str, list[tuple[str, ...]], bool]]:
    found = read_conditions(rule_of(text), 4, entries(sets)).conditions
    return [(one.field, [address_words(group, 4) for group in one.groups], one.negated) for one in found]


def test_sets_are_read_where_the_text_holds_them() -> None:
    sets = "create banned hash:net\nadd banned 192.0.2.0/25\nadd banned 192.0.2.128/25\ncreate web hash:ip,port\n"
    sets += "add web 10.0.0.1,tcp:80\nadd web 10.0.0.2,tcp:443\nadd web 10.0.0.3,tcp:80\ncreate all list:set\nadd all banned"
    assert words_read("-A INPUT -m set --match-set banned src -j DROP", sets) == [("sources", [("192.0.2.0/24",)], False)]
    assert words_read("-A INPUT -m set ! --match-set all dst -j DROP", sets) == [("destinations", [("192.0.2.0/24",)], True)]
    web = [("10.0.0.1", "10.0.0.3"), ("10.0.0.2",)]
    assert words_read("-A FORWARD -m set --match-set web dst,dst -j ACCEPT", sets) == [("destinations", web, False)]
    unknown = read_conditions(rule_of("-A INPUT -m set --match-set gone src -j DROP"), 4, entries(sets))
    assert (unknown.conditions, unknown.unread) == ((), ("gone",))


def test_what_only_counts_makes_no_class() -> None:
    counting = ["-A FORWARD -s 10.0.0.7", "-A FORWARD -s 10.0.0.7 -j LOG", "ip saddr 10.0.0.7 counter packets 0 bytes 0"]
    doing = ["-A FORWARD -s 10.0.0.7 -j MARK --set-mark 1", "-A FORWARD -m recent --set --name seen -j LOG",
             "ip saddr 10.0.0.7 meta mark set 0x00000001", "ip saddr 10.0.0.7 drop"]  # fmt: skip
    assert [only_counts(rule_of(text)) for text in counting] == [True, True, True]
    assert [only_counts(rule_of(text)) for text in doing] == [False, False, False, False]


def test_words_of_another_family_name_nobody() -> None:
    assert read_addresses(["2001:db8::/32", "10.0.0.0/255.0.0.0"], 4) == ((10 << 24, (11 << 24) - 1),)


def test_what_a_map_or_a_concatenation_does_otherwise_is_another_group() -> None:
    verdicts = "ip saddr vmap { 10.0.0.1 : accept, 10.0.0.2 : drop, 10.0.0.3 : accept }"
    assert words_read(verdicts) == [("sources", [("10.0.0.1", "10.0.0.3"), ("10.0.0.2",)], False)]
    ports = "ip daddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443, 10.0.0.3 . 80 } accept"
    assert words_read(ports) == [("destinations", [("10.0.0.1", "10.0.0.3"), ("10.0.0.2",)], False)]
