"""Copies of a policy without one of its rules, or with a policy that accepts; which of them is that, the kernel shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lab.record.path import Rule
from lab.ruleset.held import Chains, HeldChain, HeldRule
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.save import read_save

_KINDS = {"ip": "v4", "ip6": "v6"}
_POLICY = re.compile(r"\bpolicy\s+drop\b")


def candidates(chains: Chains, rulesets: Rulesets, rule: Rule) -> Iterator[Rulesets]:
    """Rulesets that may be those of a node that holds ``chains`` without the rule.

    Of iptables it is what the node holds, as iptables-save prints it; of a script each place that may be the rule's.
    """
    kind = _KINDS.get(rule.family)
    rendered: Rendered | None = getattr(rulesets, kind) if kind is not None else None
    if kind is not None and rendered is not None and rule.table in read_save(rendered.text).tables:
        yield replace(rulesets, **{kind: _saved(chains, rendered, rule)})
    elif rulesets.nft is not None:
        for script in _scripts(rulesets.nft, rule):
            yield replace(rulesets, nft=script)


def _saved(chains: Chains, rendered: Rendered, gone: Rule) -> Rendered:
    lines: list[tuple[str, str | None]] = []
    for table in read_save(rendered.text).tables:
        held = [chain for key, chain in chains.items() if key[:2] == (gone.family, table)]
        lines.append((f"*{table}", None))
        lines += [(f":{chain.name} {_policy(chain, gone)} [0:0]", None) for chain in held]
        lines += [(rule.text, rule.source) for chain in held for rule in chain.rules if not _is(rule, gone)]
        lines.append(("COMMIT", None))
    return Rendered("".join(f"{text}\n" for text, _ in lines), tuple(source for _, source in lines), rendered.file)


def _policy(chain: HeldChain, gone: Rule) -> str:
    accepts = gone.number is None and chain.key == (gone.family, gone.table, gone.chain)
    return "ACCEPT" if accepts else chain.policy or "-"


def _is(rule: HeldRule, gone: Rule) -> bool:
    return (*rule.key, rule.number) == (gone.family, gone.table, gone.chain, gone.number)


def _scripts(script: Rendered, gone: Rule) -> Iterator[Rendered]:
    """The script without one of the statements that begin on the rule's line, or with one policy made to accept."""
    text = script.text
    if gone.number is None:
        for found in _POLICY.finditer(text):
            yield replace(script, text=f"{text[: found.start()]}policy accept{text[found.end() :]}")
        return
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if gone.source is not None and script.source(number + 1) == gone.source and line.strip():
            end = _end(lines, number)
            kept = [*lines[:number], *[""] * (end - number), *lines[end:]]
            yield replace(script, text="\n".join(kept))


def _end(lines: list[str], start: int) -> int:
    """The line behind the statement that begins on a line: where its braces are closed, and nothing continues it."""
    depth = 0
    for number in range(start, len(lines)):
        bare = re.sub(r'"[^"]*"|#.*', "", lines[number])
        depth += bare.count("{") - bare.count("}")
        if depth <= 0 and not bare.endswith("\\"):
            return number + 1
    return len(lines)
