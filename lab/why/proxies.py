"""Rules that hand a packet to a transparent proxy, where none listens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lab.record.hint import Hint
from lab.record.path import Path
from lab.ruleset.held import HeldRule
from lab.why.ahead import matches
from lab.why.case import Case
from lab.why.near_misses import met_in
from lab.why.walk import bases
from lab.why.wording import named, place

_HANDS = re.compile(r" tproxy (?:ip6? )?to \S*?:?(\d+)(?= |\Z)")
_MARKS = re.compile(r"(?:meta|ct) mark set \S+ ?")


def proxies(case: Case) -> Iterator[Hint]:
    """Those of iptables drop it (xt_TPROXY.c), those of nft break off, and it goes on behind them (nft_tproxy.c)."""
    rule = case.verdict.path[-1].dropped_by if case.verdict.path else None
    if rule is not None and rule.target == "TPROXY":
        yield Hint(f"{rule} hands packets to a transparent socket, and where none listens it drops them: the lab has none")
        return
    if not case.should_pass and case.verdict.denied:
        return
    for path in case.verdict.path:
        for held, asks, port in _broke_off(case, path) if path.node == case.at else ():
            lab = "; the lab runs no proxy" if case.should_pass else ""
            yield Hint(
                f"{named(path.node, held)} hands it to a transparent socket of port {port}, but none listens there: nft then "
                f"breaks off the rule, does nothing that stands further on in it, and goes on to the next rule{lab}",
                _mend(case, path, held, asks),
            )
            return


def _broke_off(case: Case, path: Path) -> Iterator[tuple[HeldRule, str, str]]:
    """The rules that the packet has all of, but for the socket; with what they ask, and the port."""
    for base in bases(path, case.chains(path.node)):
        for rule in base.missed if base.hook == "prerouting" else ():
            found = _HANDS.search(rule.text)
            if found is None:
                continue
            asks = _MARKS.sub("", rule.text[: found.start()]).strip()
            if matches(replace(rule, text=asks), met_in(case, path, base)):
                yield rule, asks.removesuffix(" counter"), found[1]


def _mend(case: Case, path: Path, rule: HeldRule, asks: str) -> str:
    if not case.should_pass:
        return f"`{asks} drop` behind {place(rule)}" if "accept" in rule.statements else ""
    marked = any(one.fwmark is not None for one in case.topology.nodes[path.node].rules)
    return "" if marked else "with it there must be a routing rule too: `fwmark 1 lookup 100`, `local default dev lo table 100`"
