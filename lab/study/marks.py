"""The mark map of a node: where each value is set, what asks for it, and what does not fit together.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.record.marks import Mark, Marked, MarkMap, MarkRoute, MarkRule, MarkWay
from lab.ruleset.describe import described
from lab.ruleset.held import Chains, HeldRule, rules_of
from lab.ruleset.mark_uses import ALL, Deed, MarkUse, mark_uses


def values_of_marks(chains: Chains, routes: Iterable[MarkRoute]) -> tuple[int, ...]:
    """The packet marks that are worth asking the ways of: those that rules set, and those that routing rules ask for."""
    set_ = {use.value for rule in rules_of(chains) for use in mark_uses(rule) if use.deed is Deed.SETS and use.value}
    return tuple(sorted(set_ | {route.value for route in routes if route.value}))


def mark_map(
    node: str, chains: Chains, routes: Sequence[MarkRoute] = (), ways: Sequence[MarkWay] = (),
    sysctls: Mapping[str, str] = {},
) -> MarkMap:  # fmt: skip
    """The map of the rules that ``node`` holds, of the routing rules that ask for marks, and of where marked packets go.

    ``ways`` are those of packets with each mark, and of packets without one.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> from lab.ruleset.held import HeldChain
    >>> rule = rule_in_line("v4", "-A PREROUTING -i wan2 -j MARK --set-xmark 0x2/0xff")
    >>> chain = HeldChain("ip", "mangle", "PREROUTING", (rule,), "prerouting")
    >>> found = mark_map("gateway", {chain.key: chain})
    >>> [mark.value for mark in found.marks], found.findings
    ([2], ('0x2 is set, and nothing asks for it',))
    """
    used = [(use, _record(node, use, rule)) for rule in rules_of(chains) for use in mark_uses(rule)]
    of = {deed: tuple(record for use, record in used if use.deed is deed) for deed in Deed}
    setters = [record for record in of[Deed.SETS] if record.value]
    asked = [record for record in of[Deed.ASKS] if record.value]
    values = {record.value for record in setters if record.value is not None}
    askers: list[MarkRule | MarkRoute] = [*asked, *routes]
    values |= {one.value for one in askers if one.value and not any(_meets(setter, one) for setter in setters)}
    marks = tuple(_mark(value, setters, asked, routes, ways) for value in sorted(values))
    return MarkMap(
        node, marks, of[Deed.KEEPS], of[Deed.GIVES],
        cleared_by=tuple(record for record in of[Deed.SETS] if record.value == 0),
        reckoned_by=tuple(record for record in of[Deed.SETS] if record.value is None),
        asked_any_by=tuple(record for record in of[Deed.ASKS] if not record.value),
        without=tuple(way for way in ways if not way.mark),
        findings=tuple(_findings(marks, of, routes, sysctls)),
    )  # fmt: skip


def _record(node: str, use: MarkUse, rule: HeldRule) -> MarkRule:
    of = Marked.FLOW if use.of_flow or use.deed is Deed.KEEPS else Marked.PACKET
    return MarkRule(described(node, rule), of, use.value, use.mask, use.negated)


def _meets(setter: MarkRule | Mark, asker: MarkRule | MarkRoute) -> bool:
    """Whether what the one sets is what the other asks for, in the bits that both speak of."""
    mask = asker.mask & (setter.mask if isinstance(setter, MarkRule) else ALL)
    assert setter.value is not None
    assert asker.value is not None
    return bool(mask) and not (setter.value ^ asker.value) & mask and bool(asker.value & mask)


def _mark(
    value: int, setters: Sequence[MarkRule], asked: Sequence[MarkRule], routes: Sequence[MarkRoute], ways: Sequence[MarkWay]
) -> Mark:
    own = tuple(setter for setter in setters if setter.value == value)
    stand: Sequence[MarkRule | Mark] = own or (Mark(value),)
    return Mark(
        value, own,
        tuple(one for one in asked if any(_meets(setter, one) for setter in stand) != one.negated),
        tuple(one for one in routes if any(_meets(setter, one) for setter in stand)),
        tuple(way for way in ways if way.mark == value),
    )  # fmt: skip


def _findings(
    marks: Sequence[Mark], of: Mapping[Deed, Sequence[MarkRule]], routes: Sequence[MarkRoute], sysctls: Mapping[str, str]
) -> Iterator[str]:
    kept = any(one.of is Marked.FLOW and one.value for one in of[Deed.SETS]) or bool(of[Deed.KEEPS])
    for mark in marks:
        asks: list[MarkRule | MarkRoute] = [*mark.asked_by, *mark.routed_by]
        if not mark.set_by:
            who = "a program can, by SO_MARK" if any(not _of_flow(one) for one in asks) else "no flow has it"
            yield f"{mark.value:#x} is asked for, and no rule sets it ({who})"
        elif not asks:
            yield f"{mark.value:#x} is set, and nothing asks for it"
        elif all(_of_flow(one) for one in mark.set_by) and not of[Deed.GIVES] and not all(map(_of_flow, asks)):
            yield (
                f"{mark.value:#x} is kept for flows alone, and no rule gives it to their packets "
                "(CONNMARK --restore-mark, `meta mark set ct mark`)"
            )
        elif not any(_of_flow(one) for one in mark.set_by) and not of[Deed.KEEPS] and all(map(_of_flow, asks)):
            yield f"{mark.value:#x} is set of packets alone, and no rule keeps it for their flows (CONNMARK --save-mark)"
    if of[Deed.GIVES] and not kept:
        yield "rules give packets the mark of their flow, and no rule keeps one for flows"
    if kept and not of[Deed.GIVES] and not any(one.of is Marked.FLOW for one in of[Deed.ASKS]):
        yield "flows keep a mark, and no rule asks for it or gives it to packets: answers are routed without"
    if any(one.family == 4 for one in routes):
        yield from _reverse_path(sysctls)


def _of_flow(one: MarkRule | MarkRoute) -> bool:
    return isinstance(one, MarkRule) and one.of is Marked.FLOW


def _reverse_path(sysctls: Mapping[str, str]) -> Iterator[str]:
    """The kernel's own filter looks a source up without the mark that its way has."""
    strict = sorted(key for key, value in sysctls.items() if key.endswith(".rp_filter") and value == "1")
    if strict and sysctls.get("net.ipv4.conf.all.src_valid_mark", "0") == "0":
        yield (
            f"{strict[0]} is 1 and looks up without marks: what comes in by a line that only a mark leads to is dropped "
            "(`net.ipv4.conf.all.src_valid_mark: 1`, or rp_filter 2)"
        )
