"""What a row expects of its cells in one family: its words and the kind of a REJECT, resolved there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pydantic import BaseModel

from lab.errors import Where
from lab.written.burst import BurstSpec
from lab.written.cell import Expectation, Step
from lab.written.ends import Ends
from lab.written.expect.keys import KEYS
from lab.written.fields import Expect
from lab.written.matrix import PASSES, Default, Matrix, Row
from lab.written.messages import did_you_mean
from lab.written.problems import Problems
from lab.written.reject import families_of_kind, kind_for_both, kind_in
from lab.written.steps.spoken import Spoken
from lab.written.tables import is_table_name
from lab.written.topology import Topology
from lab.written.words import is_address

T = TypeVar("T")


class OtherFamilyError(ValueError):
    """A word that is right in the other family only."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What is written of one family, and where: a key under ``v4:`` or ``v6:`` goes before the row's own.

    ``judged`` are the families that there are cells of; None where that could not be found out.
    """

    matrix: Matrix
    path: tuple[str | int, ...]
    own: frozenset[str]
    family: int
    judged: Sequence[int] | None

    def where(self, key: str, *rest: str | int) -> Where:
        """The place of a key's value."""
        return self.matrix.where(*self.path, *([f"v{self.family}"] if key in self.own else []), key, *rest)

    def other_family(self, key: str, what: str, right: Sequence[int], instead: str) -> OtherFamilyError:
        """The error for a word that is right in the ``right`` families only; ``instead`` is what fits this one."""
        shared = key not in self.own and self.judged is not None and len(self.judged) > 1
        what += f", but is expected over IPv{self.family}" + (" too" if shared else "")
        if not shared:
            return OtherFamilyError(f"{what}\n{instead}")
        ways = [instead, *(way for family in right for way in (f"put it under `v{family}:`", f"say `family: {family}`"))]
        return OtherFamilyError(f"{what}\n{', or '.join(ways)}")


class Expectations:
    """Reads what rows and the default expect; tells what is wrong at its place."""

    def __init__(self, matrix: Matrix, topology: Topology, ends: Mapping[int, Ends], problems: Problems) -> None:
        self._matrix, self.topology, self._ends, self._problems = matrix, topology, ends, problems

    def of_row(self, index: int, row: Row, family: int, judged: Sequence[int] | None) -> Expectation | None:
        """The expectation of the row's cells of a family; None when a word in it is wrong.

        ``judged`` are the families that the row has cells in, None where that could not be found out: then a word that is
        of one family only may be right, and is not told.
        """
        told = self._written(row, family, judged, "flows", index)
        one = row.of_family(family)
        expect = one.expect if one.burst is None else Expect(action=PASSES)
        return None if expect is None else self._expected(one, expect, told)

    def rest_of_burst(self, index: int, spec: BurstSpec, family: int, judged: Sequence[int] | None) -> Expectation | None:
        """What is expected of those of a burst that do not pass; None when a word in it is wrong."""
        told = self._written(spec.rest, family, judged, "flows", index, "burst", "rest")
        one = spec.rest.of_family(family)
        return self._expected(one, one.expect, told)

    def steps_of_row(self, index: int, row: Row, family: int, judged: Sequence[int] | None) -> tuple[Step, ...] | None:
        """The steps of the row's cells of a family; None when a word in one is wrong."""
        before = len(self._problems.found)
        found = []
        for number, spec in enumerate(row.steps):
            verb, said = spec.verb, spec.said
            path = ("flows", index, "steps", number)
            expect = None
            if verb.expects:
                told = self._written(said, family, judged, *path, verb.name)
                said = said.of_family(family)
                expect = self._expected(said, said.expect, told)
                said = said if verb.resolved is None else verb.resolved(said, _Words(self, told, verb.name))
            elif verb.resolved is not None:
                said = verb.resolved(said, _Words(self, self._written(None, family, judged, *path), verb.name))
            words = " ".join(filter(None, (verb.name, verb.in_words(said))))
            where = self._matrix.where(*path)
            found.append(Step(number + 1, verb.name, where, words, spec.session or "", expect, said, verb.alters, verb.asks))
        return tuple(found) if len(self._problems.found) == before else None

    def of_default(self, default: Default, family: int, judged: Sequence[int]) -> Expectation | None:
        """The same for the default."""
        told = self._written(default, family, judged, "default")
        one = default.of_family(family)
        return self._expected(one, one.expect, told)

    def _expected(self, written: BaseModel, expect: Expect, told: _Told) -> Expectation | None:
        before = len(self._problems.found)
        kind = expect.reject_with
        self.tried(lambda: _check_kind(kind, told), partial(told.where, "expect"), told)
        further = self._further(written, told)
        if len(self._problems.found) > before:
            return None
        return Expectation(expect.action, kind, further)

    def _written(
        self, written: Row | Default | Spoken | None, family: int, judged: Sequence[int] | None, *path: str | int
    ) -> _Told:
        override = None if written is None else written.v4 if family == 4 else written.v6
        own = frozenset(override.model_fields_set if override is not None else ())
        return _Told(self._matrix, path, own, family, judged)

    def _further(self, written: BaseModel, told: _Told) -> dict[str, object]:
        """What stands after each key, as it is meant in the family."""
        found: dict[str, object] = {}
        for key in KEYS:
            if (value := key.of(written)) is not None:
                words = _Words(self, told, key.name)
                found[key.name] = value if key.resolved is None else key.resolved(value, words)
        return found

    def tell(self, what: str, where: Where, mend: str) -> None:
        """One thing that is wrong."""
        self._problems.tell(what, where, mend)

    def known(self, node: str) -> None:
        """A ValueError for a node that the topology has not."""
        if node not in self.topology.nodes:
            raise ValueError(f"there is no node {node!r}\n{did_you_mean(node, self.topology.nodes, 'the nodes')}")

    def table(self, word: str) -> None:
        """A ValueError for the name of a routing table that no route and no rule of the topology looks up or fills."""
        names = self.topology.table_names
        if is_table_name(word) and word not in names.values():
            raise ValueError(f"no node has a routing table {word!r}\n{did_you_mean(word, names.values(), 'the tables')}")

    def address(self, word: str, key: str, told: _Told) -> str:
        """The address that a word stands for in the family; ValueError where it stands for none, or several."""
        found = self._ends[told.family].targets([word])
        if len(found) > 1:
            raise ValueError(
                f"{word!r} has {len(found)} addresses in IPv{told.family}\n"
                f"say which one: {', '.join(end.address for end in found)}"
            )
        if found:
            return found[0].address
        right = [family for family, ends in self._ends.items() if ends.targets([word])]
        what = f"{word} {'is' if is_address(word) else 'has'} no IPv{told.family} address"
        raise told.other_family(key, what, right, f"name an IPv{told.family} address under `v{told.family}:`")

    def tried(self, attempt: Callable[[], T], where: Callable[[], Where], told: _Told) -> T | None:
        """What the attempt gives; None where it raises a ValueError, which is told at the place that ``where`` finds."""

        def unless_unknown() -> T | None:
            try:
                return attempt()
            except OtherFamilyError:
                if told.judged is None:
                    return None
                raise

        return self._problems.tried(unless_unknown, where)


@dataclass(frozen=True, slots=True)
class _Words:
    """Resolves the words after one key; see `lab.written.expect.key.Words`."""

    expectations: Expectations
    told: _Told
    key: str

    @property
    def topology(self) -> Topology:
        return self.expectations.topology

    def wrong(self, what: str, mend: str, *path: str | int) -> None:
        self.expectations.tell(what, self.told.where(self.key, *path), mend)

    def node(self, name: str | None, *path: str | int) -> None:
        if name is not None:
            self.expectations.tried(lambda: self.expectations.known(name), partial(self.told.where, self.key, *path), self.told)

    def table(self, word: str, *path: str) -> None:
        self.expectations.tried(lambda: self.expectations.table(word), partial(self.told.where, self.key, *path), self.told)

    def address(self, word: str, *path: str) -> str | None:
        def found() -> str:
            return self.expectations.address(word, self.key, self.told)

        return self.expectations.tried(found, partial(self.told.where, self.key, *path), self.told)


def _check_kind(kind: str | None, told: _Told) -> None:
    right = families_of_kind(kind) if kind is not None else (told.family,)
    if kind is None or told.family in right:
        return
    both = kind_for_both(kind)
    instead = f"write {both}, which is {kind_in(both, told.family)} there" if both else "each family has kinds of its own"
    what = f"{kind} is an answer of IPv{right[0]} only"
    raise told.other_family("expect", what, right, instead)
