"""What a change changes, as Markdown for a pull request: the answer, and the six questions of a rule review as headings."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from lab.record.difference import Difference, DiffReport, RowOutcome
from lab.record.path import Rule
from lab.report.diff_groups import (
    Group,
    answer,
    breadth_text,
    compared,
    denied_text,
    failed_rows,
    groups,
    how,
    numbers,
    row_outcome,
    seen_lines,
)
from lab.report.differences import between, flow_text, log_prefixes, number, service, size
from lab.report.markdown import lines_of
from lab.report.markup import code, prose, sentence
from lab.report.plain import plain

T = TypeVar("T")
MOST_CHARACTERS = 60_000
_LONGEST = 300  # characters of one text of a file
_MOST = (100, 40, 15, 5, 2)
"""How many of each thing are told: the first of these with which the page is short enough."""
_HEAD = ("", "who, to whom", "service", "size", "was", "now")


def diff_markdown(report: DiffReport) -> str:
    """The report as GitHub-flavoured Markdown of at most 60,000 characters; nothing of a file is taken for markup.

    What is left out is counted.
    """
    found = groups(report.differences, report.node)
    page = ""
    for most in _MOST:
        page = "\n".join([*_page(report, found, most), ""])
        if len(page) <= MOST_CHARACTERS:
            break
    return page


def _page(report: DiffReport, found: Sequence[Group], most: int) -> Iterator[str]:
    yield f"## What the change changes: {_prose(answer(report))}"
    yield ""
    yield f"{_prose(compared(report))}; {_prose(how(report.reached))}."
    yield ""
    yield f"**{numbers(report)}**"
    yield ""
    yield from _list(_stopped(report), most)
    for heading, lines in (
        ("Which traffic changes", _traffic(report, found, most)),
        ("Which chain and table", _chains(found, report.node, most)),
        ("Expected positive change", _expected(report, most)),
        ("Denied behaviour preserved", _preserved(report, found, most)),
        ("Rollback and trigger", _rollback(report, found, most)),
        ("Which counters and logs validate it", _validated(report, found, most)),
        ("What is not known", _unknown(report, most)),
    ):
        yield f"### {heading}"
        yield ""
        yield from lines
        yield ""


def _stopped(report: DiffReport) -> Iterator[str]:
    if report.interrupted or report.problems:
        yield f"**{'interrupted' if report.interrupted else 'stopped'}**: this is what was finished"
    yield from (f"**problem**: {lines_of(_cut(str(problem)))}" for problem in report.problems)
    yield from (f"**{word}**: {_prose(row_outcome(row))}" for word, row in failed_rows(report))


def _traffic(report: DiffReport, found: Sequence[Group], most: int) -> Iterator[str]:
    if not found:
        yield "None that is known of." if not report.problems else "That is not known."
        return
    yield "| " + " | ".join(_HEAD) + " |"
    yield "| " + " | ".join("---" for _ in _HEAD) + " |"
    rows = [(group, one) for group in found for one in group.ones]
    for group, one in rows[:most]:
        asked = f" (as intended by {group.intended})" if group.intended is not None else ""
        rests = [f"rests on {', '.join(one.rests_on)}"] if one.rests_on else []
        cells = [asked], [between(one)], [service(one)], [size(one.of)], group.was, [*group.now, *rests]
        told = ["<br>".join(_prose(part, table=True) for part in parts) for parts in cells]
        yield f"| **{group.mark}**{' | '.join(told)} |"
    yield from _left(len(rows) - most, "class", "classes", sum(one.opens for _, one in rows[most:]))


def _chains(found: Sequence[Group], node: str, most: int) -> Iterator[str]:
    """The rules that decide now, and those that decided before, each with its text, by the number of classes."""
    rules: dict[tuple[str, Rule], int] = {}
    for group in found:
        for word, rule in (("now", group.new), ("was", group.old)):
            if rule is not None:
                rules[word, rule] = rules.get((word, rule), 0) + len(group.ones)
    if not rules:
        yield "No rule decides another flow than before." if not found else "No rule decides these flows."
        return
    yield from _items(rules.items(), most, partial(_chain, node))


def _chain(node: str, told: tuple[tuple[str, Rule], int]) -> str:
    (word, rule), count = told
    text = f": {code(_cut(rule.text))}" if rule.number is not None and rule.text else ""
    at = f" at {code(_cut(rule.source))}" if rule.source else ""
    beside = f" of {prose(rule.node)}" if rule.node != node else ""
    chain_of = f"table {code(_cut(rule.table))}, chain {code(_cut(rule.chain))}"
    which = "policy" if rule.number is None else f"rule {rule.number}"
    return f"{word}: {chain_of}, {which}{beside}{at}, {_classes(count)}{text}"


def _expected(report: DiffReport, most: int) -> Iterator[str]:
    if report.change is None and not report.intended:
        yield "No change file says what is asked for (`--change FILE`), so all of it counts as not asked for."
        return
    passed = sum(row.passed for row in report.intended)
    yield f"{passed:,} of {len(report.intended):,} rows of the change hold now, and did not before."
    yield ""
    yield from _items([f"{'yes' if row.passed else '**no**'}: {_prose(row_outcome(row))}" for row in report.intended], most)
    yield from _items(map(_prose, breadth_text(report)), most)


def _preserved(report: DiffReport, found: Sequence[Group], most: int) -> Iterator[str]:
    opens = [one for one in report.collateral if one.opens]
    if opens:
        yield f"**No**: {_classes(len(opens))} of flows {'opens' if len(opens) == 1 else 'open'} that nothing asked for."
    elif not (report.problems or report.interrupted):
        yield "Nothing opens that was not asked for, as far as it was asked."
    else:
        yield "That is not known: the comparison came to no end."
    yield ""
    if report.holds:
        yield f"{sum(row.passed for row in report.holds):,} of {len(report.holds):,} rows that have to hold do so."
        yield ""
    behind = [one for group in found for one in group.ones if one.new.then]
    yield from _items(behind, most, _behind)


def _behind(one: Difference) -> str:
    then = ", ".join(map(str, one.new.then))
    return f"{_prose(between(one))} {_prose(service(one))}: also denied by {_prose(then)}"


def _rollback(report: DiffReport, found: Sequence[Group], most: int) -> Iterator[str]:
    yield f"Rolled back by loading {code(_cut(report.old))} in the place of {code(_cut(report.new))}."
    yield ""
    others = [one for group in found if group.intended is None for one in group.ones]
    triggers: list[Difference | RowOutcome] = [one for one in others if one.closes]
    triggers += [one for one in others if one.opens]
    triggers += report.intended
    if triggers:
        yield "It is time for that when one of these is seen:"
        yield ""
        yield from _items(triggers, most, _trigger)
    if report.seen:
        yield ""
        yield "Of live flows:"
        yield ""
        yield from _items(map(_prose, seen_lines(report)), most)


def _trigger(one: Difference | RowOutcome) -> str:
    if isinstance(one, RowOutcome):
        return f"{_prose(one.name)} was asked for, and does not work after the load"
    return f"{_flow(one)} is {'allowed now, and somebody uses' if one.opens else 'denied now, and somebody needs'} it"


def _validated(report: DiffReport, found: Sequence[Group], most: int) -> Iterator[str]:
    """What to read on the host after the load: the counters of the rules that decide now, and the logs that are written."""
    counters: dict[Rule, list[Difference]] = {}
    logs: dict[str, list[Difference]] = {}
    for group in found:
        for one in group.ones:
            if group.new is not None:
                counters.setdefault(group.new, []).append(one)
            for prefix in log_prefixes(path for path in one.new.verdict.path if path.node == report.node):
                logs.setdefault(prefix, []).append(one)
    if not counters and not logs:
        yield "No rule counts or logs otherwise than before, as far as it was asked."
        return
    lines = [f"{_counter(rule)} counts {_first(ones)}" for rule, ones in counters.items()]
    lines += [f"the log says {code(_cut(prefix))} of {_first(ones)}" for prefix, ones in logs.items()]
    yield from _items(lines, most)


def _unknown(report: DiffReport, most: int) -> Iterator[str]:
    told = [f"not proven: {_sentence(text)}" for text in report.lost]
    told += [f"not read by any model: {_prose(text)}" for text in report.reached.but_for]
    told += [f"not sent, as the lab cannot: {_prose(text)}" for text in report.reached.unsendable]
    told += [f"proposed by a model, and denied by the kernel: {_prose(denied_text(one))}" for one in report.denied]
    told += [f"note: {_sentence(note)}" for note in report.notes]
    if report.reached.sampled:
        told.insert(0, "the flows are a sample: what none of them met may differ too")
    if told:
        yield from _items(told, most)
    else:
        yield "Nothing that the lab knows of."


def _counter(rule: Rule) -> str:
    """The rule, and the command that prints its counter where the host has one."""
    if rule.text[:1] not in ("-", ":"):
        command = ["nft", "list", "chain", rule.family, rule.table, rule.chain]
    else:
        tool = "ip6tables" if rule.family == "ip6" else "iptables"
        command = [tool, "-t", rule.table, "-vnL", rule.chain, "--line-numbers"]
    which = "policy" if rule.number is None else f"rule {rule.number}"
    return f"{code(_cut(shlex.join(command)))}, {which},"


def _flow(one: Difference) -> str:
    return code(_cut(flow_text(one.flow)))


def _first(ones: Sequence[Difference]) -> str:
    return _flow(ones[0]) + (f" and {number(len(ones) - 1)} more" if len(ones) > 1 else "")


def _items(things: Iterable[T], most: int, told: Callable[[T], str] = str) -> Iterator[str]:
    """The first of them, each as it is ``told``."""
    every = list(things)
    yield from (f"- {told(one)}" for one in every[:most])
    yield from _left(len(every) - most, "line", "lines")


def _list(lines: Iterable[str], most: int) -> Iterator[str]:
    items = list(_items(lines, most))
    yield from chain(items, [""] if items else [])


def _left(left: int, one: str, many: str, opening: int = 0) -> Iterator[str]:
    if left > 0:
        grave = f", {opening:,} of them open" if opening else ""
        yield ""
        yield f"{left:,} more {one if left == 1 else many}{grave}: the JSON report has them."


def _classes(count: int) -> str:
    return f"{count:,} {'class' if count == 1 else 'classes'}"


def _prose(text: str, *, table: bool = False) -> str:
    return prose(_cut(text), table=table)


def _sentence(text: str) -> str:
    """The same of a text that sets what is copied between backticks."""
    return sentence(_cut(text))


def _cut(text: str) -> str:
    return plain(text, _LONGEST)
