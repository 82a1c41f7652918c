"""What brings back the rules that a host held, wherever between old and new an apply was when it ended.

It is made of what the tools printed before the change, so that it knows the rules as they were and not as they were meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.ruleset import ipset
from lab.ruleset.applying import iptables, native, sets
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.script import Place
from lab.ruleset.applying.statements import tables_of
from lab.ruleset.applying.tools import FAMILIES, restore, single
from lab.ruleset.backend import Backend
from lab.ruleset.extensions import BUILT_IN_CHAINS
from lab.ruleset.ipset_statements import words_of
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import KINDS, Rulesets
from lab.ruleset.words import placed_words, quote_is_open

BACK = "lab-back-"
"""What a set is called until it takes the place of another."""
_FAMILY = re.compile(r"\sfamily\s+(inet6?)\b")
_CLOSED = "DROP"


def rollback(held: Mapping[str, str], new: Rulesets | None, backend: Backend) -> tuple[Command, ...]:
    r"""The commands that put back what ``held`` says, by kind: prints of iptables-save, ip6tables-save, ipset save and nft.

    They do so from every state that an apply of ``new`` may have left, and may run twice.  Tables, chains and sets that only
    ``new`` made are gone afterwards.  Each part is exchanged whole: sets before the rules that name them, sets of ``new`` after
    the rules that name these.  Where a set is to come back and one of another type has its name, nothing passes for a moment.

    Of a team's own script nobody knows what it makes: ``new`` is then None, all tables of nf_tables are taken out first, and
    sets that it made stay.

    >>> held = {"v4": "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"}
    >>> new = Rulesets(v4=Rendered("*nat\nCOMMIT\n*filter\nCOMMIT\n", (), "edge.rules"))
    >>> for command in rollback(held, new, Backend.NFT):
    ...     print(command)
    iptables-nft-restore
    nft add table ip nat; delete table ip nat
    """
    known = {kind: Rendered(held.get(kind) or "", (), f"what {kind} was held") for kind in KINDS}
    return tuple(_Rollback(known, new, backend).commands())


@dataclass(frozen=True, slots=True)
class _Rollback:
    """The state that is to come back, and what may be there."""

    held: Mapping[str, Rendered]
    new: Rulesets | None
    backend: Backend

    def commands(self) -> Iterator[Command]:
        """All of them."""
        yield from self._sets()
        if self.new is None:
            yield Command(("nft", "flush", "ruleset"))
        else:
            yield from native.removed(self._in_the_way())
        for kind in FAMILIES:
            yield from _saved(kind, self.held[kind], self.backend)
        yield from self._natives()
        if self.backend is Backend.LEGACY:
            for kind in FAMILIES:
                for table in self._tables(kind):
                    for command in iptables.emptied(kind, [table], self.backend):
                        yield replace(command, may_fail=self.new is None)
        yield from self._sets_gone()

    def _tables(self, kind: str) -> Sequence[str]:
        """The tables of a kind of iptables that may be there, and are not to come back."""
        if self.new is None:
            may_be = tuple(BUILT_IN_CHAINS) if self.backend is Backend.LEGACY else ()
        else:
            text = getattr(self.new, kind)
            may_be = tuple(tables_of(text.text, kind)) if text is not None else ()
        back = tables_of(self.held[kind].text, kind)
        return [table for table in may_be if table not in back]

    def _iptables(self) -> set[Place]:
        """The tables of nf_tables that come back by iptables."""
        if self.backend is Backend.LEGACY:
            return set()
        return {(family, name) for kind, family in FAMILIES.items() for name in tables_of(self.held[kind].text, kind)}

    def _in_the_way(self) -> Sequence[Place]:
        """Tables of the new script whose names iptables needs: it refuses those that are not its own."""
        back = self._iptables()
        return [place for place in native.tables_of(self.new.nft if self.new else None) if place in back]

    def _natives(self) -> Iterator[Command]:
        """One transaction: the tables that come back in the place of all that may be there."""
        text = self.held["nft"]
        gone = dict.fromkeys(native.tables_of(text))
        if self.new is not None:
            back = self._iptables()
            gone |= {place: None for place in native.tables_of(self.new.nft) if place not in back}
            if self.backend is Backend.NFT:
                gone |= {(family, name): None for kind, family in FAMILIES.items() for name in self._tables(kind)}
        if text.text.strip():
            yield native.replaced(list(gone), text)
        else:
            yield from native.removed(list(gone))

    def _sets(self) -> Iterator[Command]:
        """The sets that come back, with what was in them: those that are there are filled under another name, and swapped."""
        text = self.held["ipset"].text
        if not text.strip():
            return
        others = self._of_other_types()
        if others:
            for kind in FAMILIES:
                yield from _shut(kind, self.held[kind], getattr(self.new, kind) if self.new else None, self.backend)
            yield from sets.destroyed(others, may_fail=True)
        made = {name: line for line in text.split("\n") for name in ipset.names_of(line)}
        for line in made.values():
            yield Command(("ipset", *words_of(line)), may_fail=True)  # it may be there
        aside = {name: f"{BACK}{number}" for number, name in enumerate(made)}
        lines = []
        for line in text.removesuffix("\n").split("\n"):
            renamed = sets.renamed(line, aside)
            lines.append(f"-exist {renamed}" if line in made.values() else renamed)
            lines += [f"flush {aside[name]}" for name in ipset.names_of(line)]
        yield Command(("ipset", "restore"), "\n".join((*lines, *sets.swaps(aside), "")))

    def _of_other_types(self) -> Mapping[str, str]:
        """The sets whose names the new rules give to sets of another type or family, with that type."""
        back, there = _types(self.held["ipset"]), _types(self.new.ipset if self.new else None)
        return {name: there[name][0] for name, kind in back.items() if there.get(name, kind) != kind}

    def _sets_gone(self) -> Iterator[Command]:
        """The sets that the new rules alone made, under whichever name the apply left them."""
        new = self.new.ipset if self.new is not None else None
        if new is None:
            return
        back = sets.held(self.held["ipset"])
        names = ipset.names_of(new.text)
        aside = {f"{sets.ASIDE}{number}": sets.held(new).get(name, "") for number, name in enumerate(names) if name in back}
        made = {**dict.fromkeys(names, ""), **sets.held(new)}
        yield from sets.destroyed({**aside, **{name: kind for name, kind in made.items() if name not in back}}, may_fail=True)


def _types(rendered: Rendered | None) -> Mapping[str, tuple[str, str]]:
    """Type and family of each set that a text makes; those of one that it makes twice are the last."""
    found = {}
    for line in rendered.text.split("\n") if rendered is not None else ():
        for name in ipset.names_of(line):
            words = words_of(line)
            family = _FAMILY.search(line)
            found[name] = words[words.index(name) + 1] if words[-1] != name else "", family[1] if family else "inet"
    return found


def _shut(kind: str, held: Rendered, new: Rendered | None, backend: Backend) -> Iterator[Command]:
    """Every table that may be there without a rule, and nothing let through."""
    tables = dict.fromkeys((*tables_of(held.text, kind), *(tables_of(new.text, kind) if new is not None else ())))
    if tables:
        text = "".join(iptables.empty_table(name, _CLOSED if name == "filter" else "ACCEPT") for name in tables)
        yield Command(restore(kind, backend), text)


def _saved(kind: str, held: Rendered, backend: Backend) -> Iterator[Command]:
    """What iptables-save printed; rules that it prints so that nobody reads them again are put between the others."""
    if not held.text.strip():
        return
    kept: list[str] = []
    inserted: list[Command] = []
    table, numbers = "", dict[str, int]()
    for line in _whole_lines(held.text):
        if line[:1] == "*":
            table, numbers = line[1:].strip(), {}
        words = [word.value for word in placed_words(line)] if line[:2] == "-A" else []
        if words:
            numbers[words[1]] = numbers.get(words[1], 0) + 1
        if "\n" in line and words:
            command = single(kind, backend), "-t", table, "-I", words[1], str(numbers[words[1]]), *words[2:]
            inserted.append(Command(command))
        else:
            kept.append(line)
    yield Command(restore(kind, backend), "\n".join(kept))
    yield from inserted


def _whole_lines(text: str) -> Iterator[str]:
    """The lines; a rule whose comment has newlines in it is one."""
    whole = ""
    for line in text.split("\n"):
        whole = f"{whole}\n{line}" if whole else line
        if whole[:2] != "-A" or not quote_is_open(whole):
            yield whole
            whole = ""
    if whole:
        yield whole
