"""A text of iptables-restore as the statements that it is made of, each as the words that iptables itself would be given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.ruleset.extensions import BUILT_IN_CHAINS
from lab.ruleset.words import FREE_TEXT, placed_words, quote_is_open

_COUNTERS = re.compile(r"\[\d+:\d+\]")
_DECLARED = re.compile(r"[^ \t]+")
_OTHER_FAMILY = {"v4": ("-6", "--ipv6"), "v6": ("-4", "--ipv4")}
_COMMANDS = {
    "--append": "-A", "--insert": "-I", "--delete": "-D", "--replace": "-R", "--new-chain": "-N", "--rename-chain": "-E",
    "--policy": "-P", "--flush": "-F", "--delete-chain": "-X", "--zero": "-Z",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """A line of a table that does something, as ``words``: ``("-A", "INPUT", "-j", "DROP")``."""

    line: int
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """What it does, by its short option; "" where that does not stand first."""
        return _COMMANDS.get(self.words[0], self.words[0]) if self.words else ""

    @property
    def chain(self) -> str | None:
        """The chain that it is about; None of one that is about all."""
        return self.words[1] if len(self.words) > 1 else None


@dataclass(frozen=True, slots=True)
class Declared:
    """A chain as the text declares it; ``policy`` is None of one that only jumps lead to."""

    line: int
    name: str
    policy: str | None


@dataclass(frozen=True, slots=True)
class TableText:
    """A table of a text: the chains that it declares, and what follows, in the order of the text."""

    name: str
    declared: tuple[Declared, ...]
    statements: tuple[Statement, ...]

    @property
    def own_chains(self) -> tuple[str, ...]:
        """The user's chains that are there once all of it was done, each once."""
        found = dict.fromkeys(one.name for one in self.declared if one.policy is None)
        for statement in self.statements:
            follow(found, statement)
        return tuple(found)


def follow(chains: dict[str, None], statement: Statement) -> None:
    """Have ``chains``, the user's own in a table, be those that are there after this statement."""
    match statement.command, *statement.words[1:]:
        case ["-N", chain, *_]:
            chains[chain] = None
        case ["-X", chain, *_]:
            chains.pop(chain, None)
        case ["-X"]:
            chains.clear()
        case ["-E", old, new, *_] if old in chains:
            del chains[old]
            chains[new] = None


def built_in(table: str) -> Sequence[str]:
    """The chains that the kernel itself calls in this table; none of one that iptables does not know."""
    return BUILT_IN_CHAINS.get(table, ())


def tables_of(text: str, kind: str) -> Mapping[str, TableText]:
    r"""The tables of a text by name; of one that comes twice the second, which takes the place of the first.

    Words are those that iptables-restore hands on: counters in front are left out, quotes and escapes resolved, and a quote
    that is never closed has the end of its line in it (``add_param_to_argv`` in iptables/xshared.c).

    >>> text = "*filter\n:web - [0:0]\n[3:180] -A INPUT -m comment --comment \"a \\\"b\" -j web\nCOMMIT\n"
    >>> table = tables_of(text, "v4")["filter"]
    >>> table.declared, table.statements[0].words[-3:]
    ((Declared(line=2, name='web', policy=None),), ('a "b', '-j', 'web'))
    """
    return {table.name: table for table in _tables(text, kind)}


def _tables(text: str, kind: str) -> Iterator[TableText]:
    name: str | None = None
    declared: list[Declared] = []
    statements: list[Statement] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line[:1] in ("", "#") or (name is None and line[0] != "*"):
            continue
        if name is None:
            name = "".join(line[1:].split()[:1])
            declared, statements = [], []
        elif line[0] == ":":
            declared.append(_declared(line, number, name))
        elif line.rstrip() == "COMMIT":
            yield TableText(name, tuple(declared), tuple(statements))
            name = None
        elif (words := _words(line)) and not _is_of_the_other(words, kind):
            statements.append(Statement(number, words))


def _declared(line: str, number: int, table: str) -> Declared:
    name, policy, *_ = (*_DECLARED.findall(line[1:]), "", "")
    return Declared(number, name, policy if name in built_in(table) else None)


def _words(line: str) -> tuple[str, ...]:
    counters = _COUNTERS.match(line)
    rule = line[counters.end():] if counters else line
    found = [word.value for word in placed_words(rule)]
    if found and quote_is_open(rule):
        found[-1] += "\n"
    return tuple(found)


def _is_of_the_other(words: Sequence[str], kind: str) -> bool:
    """Whether iptables-restore passes over the line, as it says that it is for the other family."""
    return any(
        word in _OTHER_FAMILY[kind] and before not in FREE_TEXT for before, word in zip(("", *words), words, strict=False)
    )
