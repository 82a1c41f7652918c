"""Rules that hand a packet to a transparent proxy, where none listens, or where the packet never comes to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lab.record.hint import Hint
from lab.record.path import LOOPBACK, End, Path
from lab.ruleset.held import HeldRule
from lab.why.ahead import matches
from lab.why.case import Case
from lab.why.near_misses import met_in
from lab.why.walk import bases
from lab.why.wording import named, place

_HANDS = re.compile(r" tproxy (?:ip6? )?to \S*?:?(\d+)(?= |\Z)")
_PORT = re.compile(r"--on-port (\d+)")
_HAS_ONE = "`arrives: {{at: {node}, port: {port}}}` in the row has the lab listen there as such"
_SETS_MARK = re.compile(r"--tproxy-mark (0x[0-9a-f]+|\d+)")
_LOCAL = {4: "local default", 6: "local ::/0"}
_MARKS = re.compile(r"(?:meta|ct) mark set \S+ ?")


def proxies(case: Case) -> Iterator[Hint]:
    """Those of iptables drop it (xt_TPROXY.c), those of nft break off, and it goes on behind them (nft_tproxy.c)."""
    rule = case.verdict.path[-1].dropped_by if case.verdict.path else None
    if rule is not None and rule.target == "TPROXY":
        to = _PORT.search(rule.text)
        yield Hint(
            f"{rule} hands packets to a transparent socket, and where none listens it drops them: the lab had none",
            _HAS_ONE.format(node=rule.node, port=to[1] if to else "PORT") if case.should_pass else "",
        )
        return
    if (led_on := _led_on(case)) is not None:
        yield led_on
        return
    if not case.should_pass and case.verdict.denied:
        return
    for path in case.verdict.path:
        for held, asks, port in _broke_off(case, path) if path.node == case.at else ():
            lab = "; the lab had no proxy there" if case.should_pass else ""
            yield Hint(
                f"{named(path.node, held)} hands it to a transparent socket of port {port}, but none listens there: nft then "
                f"breaks off the rule, does nothing that stands further on in it, and goes on to the next rule{lab}",
                _mend(case, path, held, asks, port),
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


def _led_on(case: Case) -> Hint | None:
    """That what was handed over is not for the node itself, by its routes: ip_forward() drops what a socket has taken."""
    path = case.verdict.path[-1] if case.verdict.path else None
    if path is None or path.end is not End.VANISHED or not path.steps or path.steps[-1].hook != "prerouting":
        return None
    met = (step.rule for step in reversed(path.steps) if step.rule is not None)  # chains behind it are told of too
    rule = next((one for one in met if one.target == "TPROXY" or " tproxy " in one.text), None)
    if rule is None:
        return None
    sets = _SETS_MARK.search(rule.text)  # which ip_tables does not tell any more
    mark = int(sets[1], 0) if sets else path.mark
    destination = path.head(-1).destination
    lead = case.ask_route(path.node, destination, None, mark)
    if lead is None or lead.dev == LOOPBACK:
        return None
    marked = f"with its mark {mark:#x}" if mark else "without a mark"
    led = f"lead it on by {lead.dev}" if lead.dev else f"have no way to {destination}"
    routed = f"`rules: fwmark {mark or 1:#x} lookup 100` and `routes: {_LOCAL[path.entry.family]} dev lo table 100`"
    return Hint(
        f"{rule} handed it to a socket, but {marked} the routes of {path.node} {led}: what a socket has taken is not forwarded",
        f"{routed} at {path.node}" + ("" if mark else ", and a mark that the rule sets"),
    )


def _mend(case: Case, path: Path, rule: HeldRule, asks: str, port: str) -> str:
    if not case.should_pass:
        return f"`{asks} drop` behind {place(rule)}" if "accept" in rule.statements else ""
    marked = any(one.fwmark is not None for one in case.topology.nodes[path.node].rules)
    routed = "" if marked else "; it needs a routing rule too: `fwmark 1 lookup 100`, `local default dev lo table 100`"
    return _HAS_ONE.format(node=path.node, port=port) + routed
