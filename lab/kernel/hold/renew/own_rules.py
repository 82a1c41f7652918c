"""A rule of nf_tables replaced by itself: what stands in it alone (limit, quota, numgen, ct count) begins anew.

``NEWRULE`` with NLM_F_REPLACE makes a rule of the same expressions in the same place and takes the old one away, in one
transaction; the rule keeps its handle (net/netfilter/nf_tables_api.c, nf_tables_newrule).  What an expression remembers is not
in its dump, so that its dump makes a fresh one: of a limit (nft_limit_dump) the tokens are left out, of a match of iptables all
behind ``usersize`` (nft_extension_dump_info).  Of what is in it, a quota's used bytes (nft_quota_do_dump) are those that it was
seen with, and counters are those of the last dump.

The kernel makes iptables' matches and targets (nft_compat.c) only once all that was taken away before is gone
(nf_tables_trans_destroy_flush_work), which takes a grace period of RCU: some 15 ms after the last renewal, nothing later on.
Rules that have none of these never wait.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.hold.renew.anonymous_sets import AnonymousSet, anonymous_set
from lab.kernel.hold.renew.channel import ECHO, GETRULE, NEWRULE, NUMBERS, REPLACE, Channel, NotInPlace, acknowledged
from lab.kernel.hold.rule_index import RuleIndex
from lab.ruleset.held import HeldRule
from lab.ruleset.memory import Memory

_TABLE, _CHAIN, _HANDLE, _EXPRESSIONS, _COMPAT, _USERDATA = 1, 2, 3, 4, 5, 7
_NAME, _DATA = 1, 2
_KEPT = frozenset((b"counter\0", b"last\0"))  # what they tell is nothing that a rule goes by
_COMPATIBLE = frozenset((b"match\0", b"target\0"))
_L4PROTO = nl.number(2, 16) + nl.number(1, 1)  # meta l4proto into register 1
_COMPARE_EQUAL, _COMPARE_UNEQUAL, _INVERTED = 0, 1, 2
_MOST_BYTES = 1 << 15  # of one transaction: what is told of it has to find room in the socket

Key = tuple[str, str, str, int]


class Image(NamedTuple):
    """What a rule is made of: name and bytes of each expression, in the place of a set without a name the set itself."""

    parts: tuple[tuple[bytes, bytes | AnonymousSet], ...]
    userdata: bytes
    compat: bytes

    @property
    def keeps(self) -> bool:
        """Whether something in it goes on as it is."""
        return any(name in _KEPT for name, _ in self.parts)


class Copy(NamedTuple):
    """A rule, its key, the messages that make its sets, and what it is made of: all of it, or ``without`` expressions."""

    rule: HeldRule
    key: Key
    made: tuple[bytes, ...]
    rest: bytes
    without: bytes


class OwnRules:
    """The rules of one node's nf_tables, which ``index`` has the handles of."""

    def __init__(self, channel: Channel, index: RuleIndex) -> None:
        self._channel, self._index = channel, index
        self._images: dict[tuple[str, str, str, int], Image] = {}

    def see(self, rules: Iterable[HeldRule]) -> None:
        """Read the rules now, as long as nothing has come to them."""
        for rule in rules:
            with suppress(NotInPlace):
                self._image(rule, self._key(rule), seen_fresh=True)

    def renew(self, memories: Mapping[Memory, Sequence[HeldRule]]) -> None:
        """Make what stands in the rules fresh; raises NotInPlace."""
        self.put([self.copy(rule) for rule in dict.fromkeys(rule for rules in memories.values() for rule in rules)])

    def renew_named(self, rules: Iterable[HeldRule], between: Sequence[bytes] = ()) -> None:
        """Make what the rules share by its name fresh: they all let go of it, ``between`` comes, and they are put back.

        Raises NotInPlace, and MeasurementError when the rules are not there any more.
        """
        copies = [self.copy(rule) for rule in dict.fromkeys(rules)]
        gone: list[Copy] = []
        try:
            for batch in _batches(copies):
                self._commit([_replacing(copy.key, copy.without) for copy in batch])
                gone += batch
            self.put(copies, between)
        except NotInPlace:
            self._put_back(gone)
            raise

    def _put_back(self, copies: Sequence[Copy]) -> None:
        try:
            self.put(copies)
        except NotInPlace as error:
            what = f"rules that were taken out to be made fresh cannot be put back: {error}"
            raise MeasurementError(Problem(what)) from error

    def put(self, copies: Sequence[Copy], first: Sequence[bytes] = ()) -> None:
        """Put the copies where their rules are; raises NotInPlace, MeasurementError when one is not what it was."""
        for batch in _batches(copies):
            messages = [message for copy in batch for message in (*copy.made, _replacing(copy.key, copy.rest))]
            for copy, told in zip(batch, self._commit([*first, *messages]), strict=True):
                self._require_same(copy, told)
            first = ()

    def _commit(self, messages: Sequence[bytes]) -> list[dict[int, bytes]]:
        """What the kernel tells of each new rule."""
        told = self._channel.commit([*messages[:-1], acknowledged(messages[-1])], NEWRULE)
        return [nl.attributes(data, nl.HEADER) for data in told]

    def _require_same(self, copy: Copy, parts: Mapping[int, bytes]) -> None:
        image = self._images[*copy.rule.key, copy.rule.number]
        mine = [name if isinstance(body, AnonymousSet) or name in _KEPT else body for name, body in image.parts]
        theirs = [
            name if name in _KEPT or isinstance(own, AnonymousSet) else body
            for (name, body), (_, own) in zip(expressions(parts[_EXPRESSIONS]), image.parts, strict=True)
        ]
        same_handle = int.from_bytes(parts[_HANDLE], "big") == copy.key[3]
        if not same_handle or mine != theirs or parts.get(_USERDATA, b"") != image.userdata:
            what = f"{copy.rule.text}: the kernel made another rule of it when it was to be as before"
            raise MeasurementError(Problem(what))

    def _key(self, rule: HeldRule) -> Key:
        key = self._index.key_of(rule.family, rule.table, rule.chain, rule.number)
        if key is None:
            raise NotInPlace(f"{rule.text}: no handle is known")
        return key

    def copy(self, rule: HeldRule) -> Copy:
        """What the rule is to be replaced by, with its counters as they are."""
        key = self._key(rule)
        image = self._image(rule, key)
        now: Iterable[tuple[bytes, bytes]] = self._read(key)[0] if image.keeps else ()
        kept = iter([body for name, body in now if name in _KEPT])
        made: list[bytes] = []
        parts: list[bytes] = []
        for number, (name, body) in enumerate(image.parts):
            if isinstance(body, AnonymousSet):
                ident = key[3] << 8 | number
                made += body.messages(key[0], ident)
                parts.append(body.lookup(ident))
            else:
                parts.append(next(kept) if name in _KEPT else body)
        userdata = nl.attribute(_USERDATA, image.userdata) if image.userdata else b""
        return Copy(rule, key, tuple(made), nl.nest(_EXPRESSIONS, *parts) + image.compat + userdata, userdata)

    def _image(self, rule: HeldRule, key: Key, *, seen_fresh: bool = False) -> Image:
        known = self._images.get((*rule.key, rule.number))
        if known is not None:
            return known
        found, userdata = self._read(key)
        if not seen_fresh and any(name == b"quota\0" for name, _ in found):
            raise NotInPlace(f"{rule.text}: what its quota began with is not known")
        sets = [anonymous_set(self._channel, key, body) if name == b"lookup\0" else None for name, body in found]
        parts = tuple((name, made or body) for (name, body), made in zip(found, sets, strict=True))
        image = self._images[*rule.key, rule.number] = Image(parts, userdata, _compat(found))
        return image

    def _read(self, key: Key) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The expressions of a rule as they are, and what its author's tool keeps in it."""
        parts = nl.attributes(self._channel.get(GETRULE, key[0], named(key)), nl.HEADER)
        return list(expressions(parts.get(_EXPRESSIONS, b""))), parts.get(_USERDATA, b"")


def named(key: Key) -> bytes:
    """The attributes that name a rule."""
    return nl.text(_TABLE, key[1]) + nl.text(_CHAIN, key[2]) + nl.attribute(_HANDLE, struct.pack("!Q", key[3]))


def _replacing(key: Key, rest: bytes) -> bytes:
    return nl.message(NEWRULE, REPLACE | ECHO, NUMBERS[key[0]], named(key) + rest)


def _batches(copies: Iterable[Copy]) -> Iterator[list[Copy]]:
    batch: list[Copy] = []
    for copy in copies:
        batch.append(copy)
        if sum(len(one.rest) + sum(map(len, one.made)) for one in batch) > _MOST_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def expressions(nested: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and whole attribute of each expression."""
    start = 0
    while start + 4 <= len(nested):
        length = max(struct.unpack_from("=H", nested, start)[0], 4)
        end = start + (length + 3 & ~3)
        yield nl.attributes(nested, start + 4, start + length)[_NAME], nested[start:end]
        start = end


def body_of(expression: bytes) -> dict[int, bytes]:
    """The attributes of what an expression says."""
    return nl.attributes(nl.attributes(expression, 4).get(_DATA, b""))


def _compat(found: Sequence[tuple[bytes, bytes]]) -> bytes:
    """NFTA_RULE_COMPAT, by which matches and targets check that they are right here: the protocol of the rule.

    No dump has it: it is what the rule compares ``meta l4proto`` with, as iptables writes ``-p``.
    """
    if not any(name in _COMPATIBLE for name, _ in found):
        return b""
    for (_, load), (name, compare) in pairwise(found):
        if name == b"cmp\0" and _L4PROTO in load:
            said = body_of(compare)
            operation = int.from_bytes(said[2], "big")
            value = nl.attributes(said[3])[1]
            if len(value) == 1 and operation in (_COMPARE_EQUAL, _COMPARE_UNEQUAL):
                flags = _INVERTED if operation == _COMPARE_UNEQUAL else 0
                return nl.nest(_COMPAT, nl.number(1, value[0]), nl.number(2, flags))
    return b""
