"""Single rules of a node taken out, moved or put in from outside, as somebody there does by hand; all others stay."""

from __future__ import annotations

from collections.abc import Sequence

from lab.kernel.hold.held import Held
from lab.kernel.hold.kinds import NFT_FAMILIES, begin, refusal
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.held import HeldRule
from lab.ruleset.render import Rendered

_KINDS = {family: kind for kind, family in NFT_FAMILIES.items()}


def take_out(node: Node, held: Held, rules: Sequence[HeldRule]) -> None:
    """Take ``rules`` out of what the node holds; raises InputError where the kernel refuses that."""
    for rule in sorted(rules, key=lambda one: one.number, reverse=True):  # those before a place keep theirs
        if rule.is_native:
            amend(node, held.backend, "nft", f"delete rule {_chain(rule)} handle {_handle(held, rule)}\n")
        else:
            lines = f"-D {rule.chain} {rule.number}"
            amend(node, held.backend, _KINDS[rule.family], in_table(rule.table, lines))


def move(node: Node, held: Held, rule: HeldRule, place: int) -> None:
    """Have ``rule`` stand at ``place`` (from 1) of its chain, the others in their order; raises InputError as `take_out`."""
    if rule.is_native:
        others = [other for other in held.chains[rule.key].rules if other.number != rule.number]
        text = f"delete rule {_chain(rule)} handle {_handle(held, rule)}\n"
        if place > len(others):
            text += f"add rule {_chain(rule)} {rule.text}\n"
        else:
            text += f"insert rule {_chain(rule)} position {_handle(held, others[place - 1])} {rule.text}\n"
        amend(node, held.backend, "nft", text)
        return
    said = rule.text.removeprefix(f"-A {rule.chain} ")
    lines = f"-D {rule.chain} {rule.number}\n-I {rule.chain} {place} {said}"
    amend(node, held.backend, _KINDS[rule.family], in_table(rule.table, lines))


def in_table(table: str, lines: str) -> str:
    r"""The text that changes one table of iptables.

    >>> in_table("nat", "-F POSTROUTING")
    '*nat\n-F POSTROUTING\nCOMMIT\n'
    """
    return f"*{table}\n{lines}\nCOMMIT\n"


def amend(node: Node, backend: Backend, kind: str, text: str, *, told: str = "the change") -> None:
    """Load ``text`` of a kind (v4, v6, nft) over what the node holds, which stays; all of it or nothing.

    Raises InputError, which calls the text as ``told`` says, for what is refused.
    """
    rendered = Rendered(text, (), told)
    options = () if kind == "nft" else ("--noflush",)
    done = begin(node.namespace, kind, backend, rendered, None, *options).finish()
    if done.code != 0:
        raise refusal(kind, backend, done, rendered)


def _chain(rule: HeldRule) -> str:
    return f"{rule.family} {rule.table} {rule.chain}"


def _handle(held: Held, rule: HeldRule) -> int:
    key = held.index.key_of(*rule.key, rule.number)
    assert key is not None
    return key[3]
