"""One packet walked through rules by itself, without any diagram: what the model is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from lab.model.stage import Stage
from lab.ruleset.addresses import Addresses, address_of, holds
from lab.ruleset.asked import DIRECTION, Asked, Met, has
from lab.ruleset.held import Chains, HeldChain, HeldRule
from lab.ruleset.words import words

_NAT = -100
_ECHO_REPLY = {4: 0, 6: 129}


@dataclass(frozen=True)
class Sent:
    """A packet as it is sent: ``entered`` is None where the node itself sends it, ``kind`` of tcp and icmp their type."""

    family: int
    proto: str
    source: int
    destination: int
    sport: int | None
    dport: int | None
    flags: int
    code: int = 0
    entered: str | None = None
    state: str = "NEW"


@dataclass
class Met1:
    """What became of one packet."""

    outcome: str = ""
    rule: str = "no rule"
    said: object = ""
    to: tuple[int, int | None] | None = None
    mark: int = 0
    ct_mark: int = 0
    left: str | None = None
    source_shown: str = ""
    logs: list[str] = field(default_factory=list)
    untracked: bool = False
    inside: bool = False


Free = Callable[[str, str], bool]


class OnePacket:
    """Rules of one side, for one packet after the other."""

    def __init__(self, chains: Chains, stage: Stage, sets: Mapping[str, Addresses], free: Free) -> None:
        self._chains, self._stage, self._sets, self._free = chains, stage, sets, free
        self._own = {number for ranges in stage.own.values() for low, high in ranges for number in range(low, high + 1)}

    def route(self, destination: int, source: int, mark: int, entered: str | None) -> str | None:
        """The interface that leads to an address."""
        for lookup in self._stage.lookups:
            if lookup.mark is not None and (mark ^ lookup.mark[0]) & lookup.mark[1]:
                continue
            if lookup.sources is not None and not holds(lookup.sources, source):
                continue
            if lookup.destinations is not None and not holds(lookup.destinations, destination):
                continue
            if lookup.entered not in (None, entered):
                continue
            for low, high, name in lookup.ways:
                if low <= destination <= high:
                    return name
        return None

    def first(self, sent: Sent) -> Met1:
        """The first packet of a flow."""
        met = Met1()
        kind = "new" if sent.state == "NEW" else "invalid"
        hooks: list[str]
        if sent.entered is None:
            met.left = self.route(sent.destination, sent.source, 0, None)
            self._hook("output", sent, met, kind)
            if met.outcome != "":
                return met
            if met.mark or met.to:
                met.left = self.route(met.to[0] if met.to else sent.destination, sent.source, met.mark, None)
            hooks = ["postrouting"]
        else:
            self._hook("prerouting", sent, met, kind)
            if met.outcome != "":
                return met
            now = met.to[0] if met.to else sent.destination
            met.inside = now in self._own
            met.left = None if met.inside else self.route(now, sent.source, met.mark, sent.entered)
            hooks = ["input"] if met.inside else ["forward", "postrouting"]
        if met.left is None and not met.inside:
            met.outcome = "nowhere"
            return met
        for hook in hooks:
            self._hook(hook, sent, met, kind)
            if met.outcome != "":
                return met
        met.outcome = "accept"
        return met

    def answer(self, sent: Sent, first: Met1) -> Met1:
        """What comes back to a first packet that passed."""
        destination, port = first.to or (sent.destination, None)
        icmp = sent.proto in ("icmp", "icmpv6")
        # conntrack has not seen what it answers
        state = "ESTABLISHED" if not first.untracked else "INVALID" if sent.proto == "tcp" else "NEW"
        back = Sent(
            sent.family, sent.proto, destination, sent.source,
            None if icmp else port or sent.dport, sent.sport,
            _ECHO_REPLY[sent.family] if icmp else 0x12 if sent.proto == "tcp" else 0, 0, first.left, state,
        )  # fmt: skip
        met = Met1(ct_mark=first.ct_mark, left=sent.entered)
        met.source_shown = first.source_shown
        met.to = first.to
        hooks = ["output", "postrouting"] if first.inside else ["prerouting", "input" if sent.entered is None else "forward"]
        if not first.inside and sent.entered is not None:
            hooks.append("postrouting")
        for hook in hooks:
            self._hook(hook, back, met, "answer", answers=sent)
            if met.outcome != "":
                return met
        met.outcome = "accept"
        return met

    def _hook(self, hook: str, sent: Sent, met: Met1, kind: str, answers: Sent | None = None) -> None:
        ordered = sorted(
            (chain for chain in self._chains.values() if chain.hook == hook and chain.judges(sent.family)),
            key=lambda chain: chain.priority or 0,
        )
        for chain in ordered:
            if chain.kind == "nat" and (kind != "new" or met.untracked):
                continue
            told = sent
            if answers and met.source_shown and hook in ("prerouting", "output") and (chain.priority or 0) < _NAT:
                # turned back where destinations are translated, and not before
                told = replace(sent, destination=int(ip_address(met.source_shown.partition(":")[0])))
            found = self._chain(chain, chain, told, met, kind, hook, answers)
            if found == "policy":
                decided = f"{chain.table}:{chain.name} policy"
                if (chain.policy or "").lower() == "drop":
                    met.outcome, met.rule, met.said = "drop", decided, (chain.table, chain.name, "drop")
                    return
                if chain.kind == "filter" and hook in ("input", "forward", "output"):
                    met.rule, met.said = decided, (chain.table, chain.name, "accept")
            elif met.outcome != "":
                return

    def _chain(
        self, base: HeldChain, chain: HeldChain, sent: Sent, met: Met1, kind: str, hook: str, answers: Sent | None
    ) -> str:
        """``accepted``, ``ended``, or ``policy`` where no rule decides."""
        for rule in chain.rules:
            if not self._matches(rule, base, sent, met, kind, hook, answers):
                continue
            found = self._done(rule, base, sent, met, kind, hook, answers)
            if found == "return":
                return "policy"
            if found != "next":
                return found
        return "policy"

    def _done(self, rule: HeldRule, base: HeldChain, sent: Sent, met: Met1, kind: str, hook: str, answers: Sent | None) -> str:
        place = f"{rule.table}:{rule.chain}:{rule.number}"
        said = rule.table, rule.chain, rule.text
        verdict, jump = self._verdict(rule, base, sent, met, kind, hook, answers)
        if verdict == "accept":
            if base.kind == "filter" and hook in ("input", "forward", "output"):
                met.rule, met.said = place, said
            return "accepted"
        if verdict in ("drop", "reject"):
            met.outcome = "drop" if verdict == "drop" else f"reject {rule.reject_kind(sent.family)}"
            met.rule, met.said = place, said
            return "ended"
        if verdict in ("jump", "goto"):
            found = self._chain(base, self._chains[rule.family, rule.table, jump], sent, met, kind, hook, answers)
            return found if found != "policy" else "next" if verdict == "jump" else "return"
        if verdict == "return":
            return "return"
        return self._other(rule, sent, met)

    def _verdict(
        self, rule: HeldRule, base: HeldChain, sent: Sent, met: Met1, kind: str, hook: str, answers: Sent | None
    ) -> tuple[str, str]:
        if rule.target == "vmap":
            for asked, verdict in rule.partly.verdicts:
                if self._has(asked, base, sent, met, kind, hook, answers):
                    word, _, to = verdict.partition(" ")
                    return word, to
            return "next", ""
        if rule.jump_to:
            return "goto" if rule.goto else "jump", rule.jump_to[0]
        return (rule.target or "").lower(), ""

    def _other(self, rule: HeldRule, sent: Sent, met: Met1) -> str:
        said = dict(zip(words(rule.text), [*words(rule.text)[1:], ""], strict=True))
        match rule.target:
            case "LOG" | "NFLOG":
                met.logs.append(rule.log_prefix or "")
            case "MARK":
                value, _, mask = said["--set-xmark"].partition("/")
                met.mark = met.mark & ~int(mask or "0xffffffff", 0) ^ int(value, 0)
            case "CONNMARK" if "--save-mark" in said:
                met.ct_mark = met.mark
            case "CONNMARK" if "--restore-mark" in said:
                met.mark = met.ct_mark
            case "CT" | "NOTRACK":
                met.untracked = True
            case "DNAT":
                address, _, port = (rule.to or "").partition(":")
                parts = [int(part) for part in address.split(".")]
                met.to = sum(part << (24 - 8 * at) for at, part in enumerate(parts)), int(port) if port else None
                return "accepted"
            case "REDIRECT":
                own = self._stage.own[sent.entered][0][0] if sent.entered else 0x7F000001
                met.to = own, int(rule.to) if rule.to else None
                return "accepted"
            case "SNAT" | "MASQUERADE":
                met.source_shown = rule.to or str(address_of(self._stage.own[met.left or ""][0][0], sent.family))
                return "accepted"
            case _:
                assert rule.target in (None, "CHECKSUM", "TCPMSS"), rule.target
        return "next"

    def _matches(
        self, rule: HeldRule, base: HeldChain, sent: Sent, met: Met1, kind: str, hook: str, answers: Sent | None
    ) -> bool:
        partly = rule.partly
        return all(self._has(asked, base, sent, met, kind, hook, answers) for asked in partly.asked) and all(
            self._said(said, sent, kind) for said in partly.unread
        )

    def _said(self, said: str, sent: Sent, kind: str) -> bool:
        if said == "rpfilter --invert" and kind != "answer":
            return sent.entered is not None and self.route(sent.source, 0, 0, None) != sent.entered
        return self._free(said, kind)

    def _has(
        self, asked: Asked, base: HeldChain, sent: Sent, met: Met1, kind: str, hook: str, answers: Sent | None
    ) -> bool:
        if asked.field == DIRECTION:
            return (("REPLY" if answers else "ORIGINAL") in asked.values) != asked.negated
        told = sent
        if met.to is not None and not answers:
            told = replace(sent, destination=met.to[0], dport=met.to[1] or sent.dport)
        seen = (base.priority or 0) > -200
        state = "UNTRACKED" if met.untracked else sent.state if seen else "INVALID"
        original = answers or sent
        found = has(asked, Met(
            told.family, told.proto, told.source, told.destination, told.sport, told.dport, told.flags, told.code,
            told.entered or "", (met.left or "") if hook != "input" else "", (state,), met.to is not None, original.sport,
            original.dport, {*self._own, *(one for one in (told.source, told.destination) if one >> 24 == 127)}, self._sets,
            met.mark,
        ))  # fmt: skip
        return self._free(asked.words.removeprefix("! "), kind) != asked.negated if found is None else found
