"""Rules of iptables in the place of others: by restore, by single commands, or with everything taken out before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lab.ruleset.applying.command import Command
from lab.ruleset.applying.statements import Statement, TableText, built_in, follow, tables_of
from lab.ruleset.applying.tools import FAMILIES, restore, single
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered

_MAKES_RULES = ("-A", "-I", "-R", "-D")


def restored(kind: str, new: Rendered, backend: Backend) -> Command:
    """The text as it is to iptables-restore: each of its tables is exchanged whole."""
    return Command(restore(kind, backend), new.text, kind)


def emptied(kind: str, tables: Sequence[str], backend: Backend) -> Iterator[Command]:
    """Tables that nothing speaks of any more are taken away; those of ip_tables, which stay, are made to accept all."""
    if not tables:
        return
    if backend is Backend.NFT:
        for table in tables:
            yield Command(("nft", "delete", "table", FAMILIES[kind], table), kind=kind)
        return
    yield Command(restore(kind, backend), "".join(map(_empty_table, tables)), kind)


def _empty_table(name: str) -> str:
    """A table without rules, as iptables-restore reads it."""
    return "\n".join((f"*{name}", *(f":{chain} ACCEPT [0:0]" for chain in built_in(name)), "COMMIT", ""))


def scripted(kind: str, old: str, new: Rendered, backend: Backend) -> Iterator[Command]:
    """Single commands: policies and new chains first, then chain by chain emptied and filled, and what is left over deleted."""
    before, after = tables_of(old, kind), tables_of(new.text, kind)
    for name, table in after.items():
        yield from _Script(kind, name, backend, before.get(name)).commands(table)


def flushed(kind: str, tables: Sequence[str], gone: Sequence[str], backend: Backend) -> Iterator[Command]:
    """Everything accepted, and every rule and chain of these tables taken out; those of ``gone`` too, where they can be."""
    for table in tables:
        tool = single(kind, backend), "-t", table
        for chain in built_in(table):
            yield Command((*tool, "-P", chain, "ACCEPT"), kind=kind)
        yield Command((*tool, "-F"), kind=kind)
        yield Command((*tool, "-X"), kind=kind)
    if backend is Backend.NFT:
        for command in emptied(kind, gone, backend):
            yield replace(command, may_fail=True)  # nothing is in them any more


def filled(kind: str, new: Rendered, backend: Backend) -> Iterator[Command]:
    """Single commands that fill tables in which nothing is: chains, rules, and the policies last."""
    for name, table in tables_of(new.text, kind).items():
        tool = single(kind, backend), "-t", name
        for chain in table.declared:
            if chain.name not in built_in(name):
                yield Command((*tool, "-N", chain.name), kind=kind, line=chain.line)
        policies = []
        for statement in table.statements:
            command = Command((*tool, *statement.words), kind=kind, line=statement.line)
            if statement.command == "-P":
                policies.append(command)
            else:
                yield command
        yield from _policies(kind, table, backend)
        yield from policies


def _policies(kind: str, table: TableText, backend: Backend) -> Iterator[Command]:
    for chain in table.declared:
        if chain.policy not in (None, "-"):
            words = single(kind, backend), "-t", table.name, "-P", chain.name, str(chain.policy)
            yield Command(words, kind=kind, line=chain.line)


class _Script:
    """Commands on one table that may hold something, with what is there at each point of them."""

    def __init__(self, kind: str, name: str, backend: Backend, before: TableText | None) -> None:
        self._kind, self._backend = kind, backend
        self._tool = single(kind, backend), "-t", name
        self._before = before
        self._own = dict.fromkeys(before.own_chains if before is not None else ())
        self._full = {*built_in(name), *self._own} if before is not None else set()

    def commands(self, table: TableText) -> Iterator[Command]:
        """All of them."""
        yield from _policies(self._kind, table, self._backend)
        yield from self._policies_unsaid(table)
        kept = {chain.name for chain in table.declared}
        for chain in table.declared:
            if chain.name not in built_in(table.name) and chain.name not in self._own:
                self._own[chain.name] = None
                yield self._command(("-N", chain.name), chain.line)
        for statement in table.statements:
            yield from self._statement(statement)
            kept.update({statement.chain or ""} if statement.command in ("-A", "-I", "-N") else ())
        yield from (self._command(("-F", chain)) for chain in sorted(self._full))
        kept.update(table.own_chains)
        yield from (self._command(("-X", chain)) for chain in self._own if chain not in kept)

    def _policies_unsaid(self, table: TableText) -> Iterator[Command]:
        """Policies that the new text leaves unsaid: iptables-nft-restore makes them ACCEPT, legacy leaves them as they are."""
        if self._backend is Backend.NFT and self._before is not None:
            said = {chain.name for chain in table.declared}
            for chain in self._before.declared:
                if chain.policy not in (None, "-", "ACCEPT") and chain.name not in said:
                    yield self._command(("-P", chain.name, "ACCEPT"))

    def _statement(self, statement: Statement) -> Iterator[Command]:
        """One of the text; a chain is emptied before the first that fills it."""
        chain, command = statement.chain, statement.command
        if command in _MAKES_RULES and chain in self._full:
            self._full.discard(chain)
            yield self._command(("-F", chain))
        if command == "-F":
            self._full -= {chain} if chain else self._full
        if command == "-N" and chain in self._own:
            if chain in self._full:
                self._full.discard(chain)
                yield self._command(("-F", chain), statement.line)
            return
        if command == "-X":
            self._full -= {chain} if chain else set(self._own)
        follow(self._own, statement)
        yield self._command(statement.words, statement.line)

    def _command(self, words: Sequence[str | None], line: int | None = None) -> Command:
        return Command((*self._tool, *(word for word in words if word is not None)), kind=self._kind, line=line)
