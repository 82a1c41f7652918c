"""Routes and routing rules that `ip` printed, as text or JSON: their lines, each with its family and its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lab.errors import InputError, Problem, Where
from lab.record.host import Dumped
from lab.twin.ip_json import is_json, route_lines, rule_lines
from lab.written.line_words import Line, lines_of
from lab.written.route_lines import parse_routes
from lab.written.rule_lines import parse_rules

_NO_MORE_USED = ("dead", "unresolved")
_OF_IPV6 = 6


class Printed(NamedTuple):
    """Lines with their families, in order, and what was left out: the line, and why."""

    lines: tuple[tuple[int, str], ...]
    left_out: tuple[tuple[str, str], ...] = ()


class _One(NamedTuple):
    """A line that was understood; its family is None where nothing tells it."""

    text: str
    family: int | None


def routes_of(dumped: Dumped, *, family: int | None = None, table: str | None = None, mend: bool = True) -> Printed:
    """The routes of a text or JSON; ``table`` is that of lines which name none.

    Without ``mend``, that is of a file that one can correct, a line that no lab can have is an InputError.
    """
    lines = _lines(dumped, "route", route_lines)
    return _printed(dumped, ((text, _with_table(of, table, dumped)) for text, of in lines), _route, family, mend=mend)


def rules_of(dumped: Dumped, *, family: int | None = None, mend: bool = True) -> Printed:
    """The routing rules of a text or JSON; as `routes_of` has it."""
    return _printed(dumped, _lines(dumped, "rule", rule_lines), _rule, family, mend=mend)


def _lines(dumped: Dumped, kind: str, of_json: Callable[[Dumped], tuple[str, ...]]) -> Iterator[tuple[int | None, Line]]:
    """Each line with the number that it begins at, where it has one."""
    if not dumped.text.strip():
        return
    if is_json(dumped.text):
        yield from ((None, Line(text)) for text in of_json(dumped))
        return
    numbers: dict[str, int] = {}
    for number, written in enumerate(dumped.text.splitlines(), start=1):
        numbers.setdefault(written.strip(), number)
    for line in lines_of(dumped.text.replace("\\\t", "\n\t").replace("\r", ""), kind):
        if line.text:
            yield numbers.get(line.text.split(" nexthop ", 1)[0].strip()), line


def _with_table(line: Line, table: str | None, dumped: Dumped) -> Line:
    said = line.table or table
    words = line.text.split()
    if said is None or not words:
        return line
    if "table" not in words:
        # words of a way belong to it: the table stands before the first
        before, nexthop, ways = line.text.partition(" nexthop ")
        return line._replace(text=f"{before.rstrip()} table {said}{nexthop}{ways}")
    named = words[words.index("table") + 1: words.index("table") + 2]
    if table is not None and named != [table]:
        what = f"`{line.text[:80]}` is of table {' '.join(named)}, and the file is given as table {table}"
        raise InputError(Problem(what, Where(dumped.shown), "give the file without a table"))
    return line


def _printed(
    dumped: Dumped, lines: Iterator[tuple[int | None, Line]], read: Callable[[Line], _One | None], family: int | None,
    *, mend: bool,
) -> Printed:  # fmt: skip
    found: list[_One] = []
    left_out: list[tuple[str, str]] = []
    for number, line in lines:
        try:
            one = read(line._replace(family=line.family or family))
        except ValueError as error:
            what, _, how = str(error).partition("\n")
            if not mend:
                raise InputError(Problem(what, Where(dumped.shown, number), how)) from None
            left_out.append((line.text, what))
            continue
        if one is not None:
            found.append(one)
    told = {one.family for one in found} - {None}
    otherwise = family or (_OF_IPV6 if told == {_OF_IPV6} else 4)
    return Printed(tuple((one.family or otherwise, one.text) for one in found), tuple(left_out))


def _route(line: Line) -> _One | None:
    """A route that the kernel uses; of several ways those that it uses."""
    first, *ways = line.text.split(" nexthop ")
    ways = [way for way in ways if not _unused(way)]
    if _unused(first) or (not ways and " nexthop " in line.text):
        return None
    text = " ".join(" nexthop ".join((first, *ways)).split())
    prefix = {None: "", 4: "-4 ", 6: "-6 "}[line.family]
    (route,) = parse_routes(prefix + text)
    return _One(text, None if route.family_open else route.family)


def _unused(words: str) -> bool:
    return not set(_NO_MORE_USED).isdisjoint(words.split())


def _rule(line: Line) -> _One:
    prefix = {None: "", 4: "-4 ", 6: "-6 "}[line.family]
    (rule,) = parse_rules(prefix + line.text)
    return _One(" ".join(line.text.split()), rule.family)
