"""The ways in which people put new rules into the place of old ones, as the commands that each is made of.

What a command may not be (a program that a ruleset names, a file that it writes) is refused here, since texts come from
strangers, and these commands are run as root, also on real hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lab.ruleset.applying import iptables, native, sets
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.script import Place
from lab.ruleset.applying.statements import tables_of
from lab.ruleset.applying.tools import FAMILIES
from lab.ruleset.backend import Backend
from lab.ruleset.closed_lists import require_data
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.written.change import Apply

BARE = "boot"
"""The way that begins with a node whose interfaces are up and that holds no rules yet."""


def commands(how: Apply, old: Rulesets, new: Rulesets, backend: Backend) -> tuple[Command, ...]:
    r"""What puts ``new`` in the place of ``old`` by this way, one command after another.

    By `BARE` nothing of ``old`` is there when the first of them runs; who runs them sees to that.  A team's own command
    (``run``) is one, whatever it does: who may run it is asked before.  Raises InputError, with the line, for a text that does
    more than make rules.

    >>> from lab.ruleset.render import as_it_came
    >>> new = Rulesets(v4=as_it_came("*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n", "edge.rules"))
    >>> for command in commands(Apply("script"), Rulesets(), new, Backend.LEGACY):
    ...     print(command)
    iptables-legacy -t filter -P INPUT DROP
    iptables-legacy -t filter -A INPUT -i lo -j ACCEPT
    """
    for kind, rendered in new.parts():
        require_data(kind, rendered, rendered.text)
    if how.how == "run":
        return (Command(how.run),)
    return tuple(_WAYS[how.how](_Both(old, new, backend)))


class _Both:
    """What is there and what is to be there, as questions that every way asks."""

    def __init__(self, old: Rulesets, new: Rulesets, backend: Backend) -> None:
        self.old, self.new, self.backend = old, new, backend

    def iptables(self) -> Iterator[tuple[str, str, Rendered | None]]:
        """Kind, text of before (may be empty) and new text, of both families."""
        for kind in FAMILIES:
            before, after = getattr(self.old, kind), getattr(self.new, kind)
            yield kind, before.text if before is not None else "", after

    def gone(self, kind: str, old: str, new: Rendered | None) -> Sequence[str]:
        """The tables of a kind that only the old text speaks of."""
        left = tables_of(new.text, kind) if new is not None else {}
        return [name for name in tables_of(old, kind) if name not in left]

    def natives_gone(self) -> Sequence[Place]:
        """The tables of the old script, but for those that iptables has the names of by then."""
        kept: set[Place] = set()
        if self.backend is Backend.NFT:
            for kind, _, new in self.iptables():
                kept |= {(FAMILIES[kind], name) for name in (tables_of(new.text, kind) if new is not None else ())}
        return [place for place in native.tables_of(self.old.nft) if place not in kept]

    def iptables_gone(self) -> Sequence[Place]:
        """The tables of nf_tables that iptables made, which only the old text speaks of; ip_tables has none there."""
        if self.backend is not Backend.NFT:
            return ()
        return [(FAMILIES[kind], name) for kind, old, new in self.iptables() for name in self.gone(kind, old, new)]

    def in_the_way(self) -> Sequence[Place]:
        """The tables of the old script whose names iptables needs: it refuses those that are not its own."""
        gone = self.natives_gone()
        return [place for place in native.tables_of(self.old.nft) if place not in gone]


def _restore(both: _Both) -> Iterator[Command]:
    old, new, backend = both.old, both.new, both.backend
    if new.ipset is not None and not sets.same(old.ipset, new.ipset):
        yield sets.swapped(old.ipset, new.ipset)
    yield from native.removed(both.in_the_way())
    for kind, _, text in both.iptables():
        if text is not None:
            yield iptables.restored(kind, text, backend)
    if new.nft is not None:
        # in the transaction of the new script, which may flush them itself, or make tables of the same names
        yield native.replaced((*both.natives_gone(), *both.iptables_gone()), new.nft)
    else:
        yield from native.removed(both.natives_gone())
    yield from _left_over(both)


def _script(both: _Both) -> Iterator[Command]:
    old, new, backend = both.old, both.new, both.backend
    if new.ipset is not None and not sets.same(old.ipset, new.ipset):
        yield from sets.scripted(old.ipset, new.ipset)
    yield from native.removed(both.in_the_way())
    for kind, before, text in both.iptables():
        if text is not None:
            yield from iptables.scripted(kind, before, text, backend)
    if new.nft is not None:
        gone, made = both.iptables_gone(), native.tables_of(new.nft)
        yield from native.removed([place for place in gone if place in made])
        yield from native.scripted(old.nft.text if old.nft is not None else "", new.nft, [*both.natives_gone(), *gone])
    else:
        yield from native.removed(both.natives_gone())
    yield from _left_over(both)


def _left_over(both: _Both) -> Iterator[Command]:
    """Tables of iptables and sets that only the old side has; beside a new script of nft the tables went with that."""
    for kind, before, text in both.iptables():
        if both.new.nft is not None and both.backend is Backend.NFT:
            break
        yield from iptables.emptied(kind, both.gone(kind, before, text), both.backend)
    yield from sets.destroyed(sets.gone(both.old.ipset, both.new.ipset))


def _flush_first(both: _Both) -> Iterator[Command]:
    old, new, backend = both.old, both.new, both.backend
    if old.nft is not None or new.nft is not None:
        yield native.flushed()
    for kind, before, text in both.iptables():
        tables = dict.fromkeys((*tables_of(before, kind), *(tables_of(text.text, kind) if text is not None else ())))
        yield from iptables.flushed(kind, list(tables), both.gone(kind, before, text), backend)
    yield from sets.destroyed(sets.held(old.ipset))
    if new.ipset is not None:
        yield sets.swapped(None, new.ipset)
    for kind, _, text in both.iptables():
        if text is not None:
            yield from iptables.filled(kind, text, backend)
    if new.nft is not None:
        yield native.loaded(new.nft)


def _boot(both: _Both) -> Iterator[Command]:
    yield from _restore(_Both(Rulesets(), both.new, both.backend))


_WAYS: Mapping[str, Callable[[_Both], Iterator[Command]]] = {
    "restore": _restore, "script": _script, "flush-first": _flush_first, BARE: _boot,
}  # fmt: skip
