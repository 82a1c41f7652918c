"""Writes a ruleset as iptables-save prints it: what was read of a print is given back byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

from lab.ruleset.save import Chain, Ruleset, Table

__all__ = ["write_save"]


def write_save(ruleset: Ruleset) -> str:
    r"""The text of a ruleset, so that ``write_save(read_save(text)) == text`` for all that iptables-save prints.

    A text that people wrote may come back different, as the same ruleset in the form of iptables-save: comments between
    rules, commands other than ``-A``, carriage returns and the order of chains that take turns are not kept.

    >>> from lab.ruleset.save import read_save
    >>> write_save(read_save("*filter\n:INPUT DROP [0:0]\n# mine\n-I INPUT -j ACCEPT\nCOMMIT"))
    '*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\nCOMMIT'
    """
    lines: list[str] = []
    for table in ruleset.tables.values():
        lines.extend(_table(table))
    lines.extend(ruleset.below)
    return "\n".join(lines)


def _table(table: Table) -> Iterator[str]:
    yield from table.above
    yield f"*{table.name}"
    for chain in table.chains.values():
        yield _declaration(chain)
    for chain in table.chains.values():
        for rule in chain.rules:
            if rule.packets is None:
                yield rule.text + rule.tail
            else:
                yield f"[{rule.packets}:{rule.bytes}] {rule.text}{rule.tail}"
    yield "COMMIT"


def _declaration(chain: Chain) -> str:
    declared = f":{chain.name} {chain.policy or '-'}"
    return f"{declared} {chain.counters}" if chain.counters else declared
