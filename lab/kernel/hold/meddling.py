"""What a ruleset does to the instrument, as the kernel itself lists it: a text can say the same thing in many ways.

Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lab.errors import InputError, Problem, Where
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import OWN_NAMES, STEP_PREFIX, is_own_name
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nft_expressions import META_NFTRACE
from lab.kernel.hold.nf_tables import ChainKey, expressions, rules_of, tables
from lab.kernel.hold.rule_index import RuleIndex
from lab.ruleset.held_save import Lines
from lab.ruleset.render import where_of
from lab.ruleset.save import Ruleset

_META_KEY, _META_SOURCE = 2, 3
_IMMEDIATE_TO, _IMMEDIATE_DATA, _DATA_VALUE = 1, 2, 1
_SETS_TRACE = nl.number(_META_KEY, META_NFTRACE)


class TraceStatement(NamedTuple):
    """A rule that sets ``meta nftrace``; ``on`` tells that it can set it to nothing but 1."""

    key: ChainKey
    handle: int
    on: bool


def trace_statements(namespace: Namespace, chains: Iterable[ChainKey]) -> Iterator[TraceStatement]:
    """Every rule of ``chains`` that switches tracing of its packets on or off."""
    for key, handle, data in rules_of(namespace, chains):
        # most rules hold no such bytes, and are not read
        if _SETS_TRACE in data and (found := _set_to(data)):
            yield TraceStatement(key, handle, all(found))


def _set_to(data: bytes) -> list[bool]:
    """For each statement of a rule that sets nftrace: whether it is surely on.

    The value is a constant only where the expression right before wrote one into its register; of it the first byte counts
    (nft_meta_set_eval).
    """
    found = []
    constant: tuple[bytes, bytes] | None = None
    for name, body in expressions(data):
        parts = nl.attributes(body)
        if name == b"meta\0" and _META_SOURCE in parts and int.from_bytes(parts[_META_KEY], "big") == META_NFTRACE:
            register, value = constant or (b"", b"")
            found.append(register == parts[_META_SOURCE] and value[:1] not in (b"", b"\0"))
        value = nl.attributes(parts.get(_IMMEDIATE_DATA, b"")).get(_DATA_VALUE, b"") if name == b"immediate\0" else b""
        constant = (parts.get(_IMMEDIATE_TO, b""), value) if value else None
    return found


def refuse_blinding(statements: Iterable[TraceStatement], index: RuleIndex, file: str) -> None:
    """Raise InputError, with its line in ``file``, for each rule that can switch the trace off."""
    blinding = (index.find(*statement.key, statement.handle) for statement in statements if not statement.on)
    _raise(
        Problem(
            f"`{rule.text}` in {rule.table} {rule.chain} can switch off the trace: it takes away what every verdict rests on",
            where_of(rule.source, file), "take the statement out: it changes nothing but tracing",
        )
        for rule in blinding
    )  # fmt: skip


def refuse_own_names(namespace: Namespace, file: str) -> None:
    """Raise InputError where a node holds a table that is called as one of the lab's own.

    One that has an owner and is called after it is the lab's: what a script makes so goes with the tool that loads it.
    """
    _raise(
        Problem(
            f"table {table.family} {table.name}: {', '.join(OWN_NAMES)} are the lab's own names", Where(file),
            "rename the table",
        )
        for table in tables(namespace)
        if is_own_name(table.name) and not table.is_labs
    )  # fmt: skip


def refuse_forging(ruleset: Ruleset, lines: Lines, file: str) -> None:
    """Raise InputError, with its line in ``file``, for each rule of ip_tables that logs what the trace itself says."""
    _raise(
        Problem(
            f"`{rule.text}`: with iptables-legacy this log prefix is what the trace itself says",
            where_of(lines.get((rule.table, rule.chain, rule.number)), file), "choose another prefix",
        )
        for rule in ruleset.rules()
        if rule.log_prefix is not None and rule.log_prefix.encode(errors="replace").startswith(STEP_PREFIX)
    )  # fmt: skip


def _raise(problems: Iterable[Problem]) -> None:
    if found := list(problems):
        raise InputError(found)
