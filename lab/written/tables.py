"""Routing tables by their numbers and names."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping

from lab.written.routing import TABLES, Route, RoutingRule
from lab.written.words import number_of

NAMED_TABLES = 0x8000_0000  # from here on are the numbers of tables that have a name in a host's rt_tables
_NAME = re.compile(r"[A-Za-z][\w.-]*")
_HIGHEST = 0xFFFFFFFF
_SAID = re.compile(r"\b(?:lookup|table) ([A-Za-z][\w.-]*)")


def is_table_name(word: str) -> bool:
    """Whether it is a name, and no number."""
    return _NAME.fullmatch(word) is not None


def table_number(word: str) -> int:
    """The number of a table: one that has a name everywhere, a number, or a name of the host's own, which gets a number.

    Raises ValueError.

    >>> table_number("main"), table_number("0x66"), table_number("wan2") >= NAMED_TABLES
    (254, 102, True)
    """
    if word in TABLES:
        return TABLES[word]
    if is_table_name(word):
        return NAMED_TABLES | zlib.crc32(word.encode())
    number = number_of(word)
    if not 0 < number <= _HIGHEST:
        raise ValueError(f"table {word} is not between 1 and {_HIGHEST}")
    return number


def names_of_tables(lines: Iterable[Route | RoutingRule]) -> Mapping[int, str]:
    """The names by which these routes and rules call tables, by number, and those that every host has.

    >>> from lab.written.rule_lines import parse_rules
    >>> names = names_of_tables(parse_rules("fwmark 2 lookup wan2"))
    >>> names[table_number("wan2")], names[254]
    ('wan2', 'main')
    """
    said = {name for line in lines for name in _SAID.findall(line.text)}
    return {number: name for name, number in TABLES.items()} | {table_number(name): name for name in sorted(said)}
