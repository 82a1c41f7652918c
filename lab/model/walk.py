"""Flows walked through the rules of one side: in which order netfilter asks its chains, and what becomes of whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.model import deeds
from lab.model.conditions import Conditions
from lab.model.deeds import Deed, Translation, Write, deed_of
from lab.model.diagrams import DESTINATION, ENTERED, LEFT, NOWHERE, Flows
from lab.model.now import FORWARD, INPUT, INVALID, NEW, OUTPUT, Now
from lab.model.routes import Routes
from lab.ruleset.held import Chains, HeldChain, HeldRule

Packets = dict[Now, Flows]
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
CONNTRACK, _DNAT = -200, -100  # NF_IP_PRI_CONNTRACK, NF_IP_PRI_NAT_DST
_DEEPEST = 128


class Decider(NamedTuple):
    """Who decided: a rule, or the policy of a chain; neither where no rule was asked."""

    chain: HeldChain | None = None
    rule: HeldRule | None = None

    @property
    def place(self) -> str:
        """``filter:FORWARD:3``, ``filter:FORWARD policy``, or that there is none."""
        if self.chain is None:
            return "no rule"
        at = f"{self.chain.table}:{self.chain.name}"
        return f"{at} policy" if self.rule is None else f"{self.rule.table}:{self.rule.chain}:{self.rule.number}"

    @property
    def said(self) -> object:
        """What two sides are compared by: numbers shift and are no difference."""
        if self.chain is None:
            return ""
        if self.rule is None:
            return self.chain.table, self.chain.name, (self.chain.policy or "").lower()
        return self.rule.table, self.rule.chain, self.rule.text


@dataclass(slots=True)
class Fates:
    """What became of the packets of one kind: ``passed`` went on, ``denied`` and ``accepted`` by whom; ``logs`` by prefix."""

    passed: Packets = field(default_factory=dict)
    denied: list[tuple[Decider, str, Flows]] = field(default_factory=list)
    accepted: list[tuple[Decider, Flows]] = field(default_factory=list)
    logs: dict[str, Flows] = field(default_factory=dict)


class Step(NamedTuple):
    """One rule, read: by what numbers its conditions are known, what nobody can read, what it does."""

    rule: HeldRule
    asked: tuple[int, ...]
    unread: tuple[str, ...]
    either: tuple[tuple[tuple[tuple[int, ...], ...], bool], ...]
    deed: Deed
    keys: tuple[tuple[int, str], ...]


class Walk:
    """The rules of one side; ``routes`` are the node's."""

    def __init__(self, chains: Chains, conditions: Conditions, routes: Routes) -> None:
        self._conditions, self._routes, self.space = conditions, routes, conditions.space
        family = self.space.family
        self.chains = {key: chain for key, chain in chains.items() if chain.judges(family) and chain.family not in _ELSEWHERE}
        self.bases = {hook: sorted(
            (chain for chain in self.chains.values() if chain.hook == hook), key=lambda chain: chain.priority or 0
        ) for hook in _HOOKS}  # fmt: skip
        self._steps: dict[tuple[str, str, str], tuple[Step, ...]] = {}

    def steps(self, chain: HeldChain) -> tuple[Step, ...]:
        """The rules of a chain, read; without those that only count."""
        found = self._steps.get(chain.key)
        if found is None:
            steps = (self._step(rule) for rule in chain.rules)
            found = self._steps[chain.key] = tuple(step for step in steps if not _only_counts(step.deed))
        return found

    def _step(self, rule: HeldRule) -> Step:
        partly, number = rule.partly, self._conditions.number
        keys = tuple((number(asked), verdict) for asked, verdict in partly.verdicts)
        return Step(
            rule, tuple(number(asked) for asked in partly.asked), partly.unread, tuple(
                (tuple(tuple(number(asked) for asked in way) for way in one.ways), one.negated) for one in partly.either
            ), deed_of(rule, self.space.family), keys,
        )  # fmt: skip

    def matches(self, step: Step, now: Now, among: Flows) -> Flows:
        """Those of the flows whose packet a rule matches."""
        none = self.space.none
        for asked in step.asked:
            among = among & self._conditions.has(asked, now)
            if among == none:
                return none
        for ways, negated in step.either:
            one = self.space.any([self._all(way, now) for way in ways])
            among = among & (~one if negated else one)
        for said in step.unread:
            among = among & self._conditions.unread(said, now)
        return among

    def _all(self, way: Iterable[int], now: Now) -> Flows:
        found = self.space.all
        for asked in way:
            found = found & self._conditions.has(asked, now)
        return found

    def packets(self, start: Packets) -> Fates:
        """Packets of one kind from where they come in to where they go out, or end."""
        fates = Fates()
        coming = {now: flows for now, flows in start.items() if _comes_in(now)}
        leaving = {now: flows for now, flows in start.items() if not _comes_in(now)}
        routed = self._route(self._through("prerouting", coming, fates))
        inside = {now: flows for now, flows in routed.items() if _end(now) == INPUT}
        beyond = self._through("forward", {now: flows for now, flows in routed.items() if _end(now) == FORWARD}, fates)
        out = self._rerouted(self._through("output", leaving, fates))
        fates.passed = _joined([
            self._through("input", inside, fates), self._through("postrouting", _joined([beyond, out]), fates)
        ])  # fmt: skip
        return fates

    def _route(self, packets: Packets) -> Packets:
        """Where packets that came in go; of an answer that is known."""
        found: Packets = {}
        for now, flows in packets.items():
            if now.path:
                found[now] = flows
                continue
            mine = flows & self._routes.own(now)
            if mine != self.space.none:
                _add(found, now._replace(path=INPUT), mine & self.space.interface(LEFT, NOWHERE))
            onward = flows & ~mine & self._routes.ways(now)
            if onward != self.space.none:
                _add(found, now._replace(path=FORWARD), onward)
        return found

    def _rerouted(self, packets: Packets) -> Packets:
        """What leaves the node itself is routed once more where a rule gave it a mark or a new destination."""
        found: Packets = {}
        for now, flows in packets.items():
            if now.kind in (NEW, INVALID) and (now.mark or now.to is not None):
                flows = self.space.without(flows, [LEFT]) & self._routes.ways(now)
            if flows != self.space.none:
                _add(found, now, flows)
        return found

    def _through(self, hook: str, packets: Packets, fates: Fates) -> Packets:
        """All base chains of a hook."""
        translates = hook in ("prerouting", OUTPUT)
        for chain in self.bases[hook]:
            priority = chain.priority or 0
            if translates and priority >= _DNAT:
                packets = _joined([{now.at_nat(): flows} for now, flows in packets.items()])
            apart: Packets = {}
            asked: Packets = {}
            for now, flows in packets.items():
                now = now._replace(seen=now.seen or priority > CONNTRACK)
                skips = chain.kind == "nat" and (now.kind != NEW or not now.tracked)
                _add(apart if skips else asked, now, flows)
            if not asked:
                packets = apart
                continue
            passed, deciders = self._chain(chain, asked, fates)
            if hook in (INPUT, FORWARD, OUTPUT) and chain.kind == "filter":
                judged = self.space.any([flows for _, flows in deciders])
                fates.accepted = [
                    (by, left) for by, flows in fates.accepted if (left := flows & ~judged) != self.space.none
                ] + deciders
            packets = _joined([apart, passed])
        return _joined([{now.at_nat(): flows} for now, flows in packets.items()]) if translates else packets

    def _chain(self, chain: HeldChain, packets: Packets, fates: Fates) -> tuple[Packets, list[tuple[Decider, Flows]]]:
        """What a base chain lets pass, and by whom."""
        passed: Packets = {}
        deciders: list[tuple[Decider, Flows]] = []
        end: Packets = {}
        fallen = self._rules(chain, packets, _Ends(passed, deciders, end, fates), 0)
        policy = Decider(chain)
        for now, flows in _joined([fallen, end]).items():
            if (chain.policy or "accept").lower() == "drop":
                fates.denied.append((policy, "drop", flows))
            else:
                _add(passed, now, flows)
                deciders.append((policy, flows))
        return passed, deciders

    def _rules(self, chain: HeldChain, packets: Packets, ends: _Ends, depth: int) -> Packets:
        """What falls out at the end of a chain's rules; what returns is put into ``ends.returned``."""
        left = dict(packets)
        none = self.space.none
        for step in self.steps(chain) if depth < _DEEPEST else ():
            if not left:
                break
            hits = [(now, hit) for now, flows in left.items() if (hit := self.matches(step, now, flows)) != none]
            if hits:
                for now, hit in hits:
                    rest = left[now] & ~hit
                    if rest == none:
                        del left[now]
                    else:
                        left[now] = rest
                for now, flows in self._done(step, chain, dict(hits), ends, depth).items():
                    _add(left, now, flows)
        return left

    def _done(self, step: Step, chain: HeldChain, hits: Packets, ends: _Ends, depth: int) -> Packets:
        """What a rule does to the packets that match it; those come back that go on to the next."""
        deed = step.deed
        if deed.log is not None:
            logged = self.space.any(list(hits.values()))
            ends.fates.logs[deed.log] = ends.fates.logs.get(deed.log, self.space.none) | logged
        if deed.writes or deed.untracks:
            hits = _joined([{_written(now, deed): flows} for now, flows in hits.items()])
        if deed.verdict != deeds.BY_KEY:
            return self._verdict(deed.verdict, deed.jump_to, step, chain, hits, ends, depth)
        onward: list[Packets] = []
        for asked, said in step.keys:
            some = {
                now: hit for now, flows in hits.items()
                if (hit := flows & self._conditions.has(asked, now)) != self.space.none
            }  # fmt: skip
            hits = {now: rest for now, flows in hits.items()
                    if (rest := flows & ~some.get(now, self.space.none)) != self.space.none}  # fmt: skip
            verdict, _, to = said.partition(" ")
            if some:
                onward.append(self._verdict(verdict, (to,) if to else (), step, chain, some, ends, depth))
        return _joined([hits, *onward])

    def _verdict(
        self, verdict: str, jump_to: Iterable[str], step: Step, chain: HeldChain, hits: Packets, ends: _Ends, depth: int
    ) -> Packets:
        decider = Decider(chain, step.rule)
        match verdict:
            case deeds.CONTINUE:
                return hits
            case deeds.RETURN:
                for now, flows in hits.items():
                    _add(ends.returned, now, flows)
            case deeds.JUMP | deeds.GOTO:
                return self._led(verdict, jump_to, step, hits, ends, depth)
            case deeds.ACCEPT | deeds.DESTINATION | deeds.SOURCE:
                for now, flows in hits.items():
                    for then, part in self.translated(now, step.deed, flows) if verdict != deeds.ACCEPT else ((now, flows),):
                        _add(ends.passed, then, part)
                    ends.deciders.append((decider, flows))
            case _:
                outcome = "drop" if verdict == deeds.DROP and step.deed.verdict == deeds.BY_KEY else step.deed.outcome
                ends.fates.denied += [(decider, outcome, flows) for flows in hits.values()]
        return {}

    def _led(
        self, verdict: str, jump_to: Iterable[str], step: Step, hits: Packets, ends: _Ends, depth: int
    ) -> Packets:
        found: Packets = {}
        for name in jump_to:
            target = self.chains.get((step.rule.family, step.rule.table, name))
            if target is None:
                return hits
            back: Packets = {}
            fallen = self._rules(target, hits, ends._replace(returned=back), depth + 1)
            found = _joined([found, fallen, back])
        if verdict == deeds.JUMP:
            return found
        for now, flows in found.items():
            _add(ends.returned, now, flows)
        return {}

    def translated(self, now: Now, deed: Deed, flows: Flows) -> Iterable[tuple[Now, Flows]]:
        """The flows with what their destination or source has become by a rule."""
        given = deed.translation or Translation(None, None, "")
        if deed.verdict == deeds.SOURCE:
            yield now._replace(shown=given.said), flows
            return
        if not given.own:
            yield now._replace(to=given.address or now.to, to_port=given.port or now.to_port, told=given.said), flows
            return
        for name, address in self._routes.itself():
            part = flows & self.space.interface(ENTERED, name)
            if part != self.space.none:
                to = (address, self.space.widths[DESTINATION])
                yield now._replace(to=to, to_port=given.port or now.to_port, told=given.said), part


class _Ends(NamedTuple):
    """Where packets go that do not fall through a chain."""

    passed: Packets
    deciders: list[tuple[Decider, Flows]]
    returned: Packets
    fates: Fates


_ELSEWHERE = ("bridge", "netdev", "arp")


def _only_counts(deed: Deed) -> bool:
    return deed.verdict == deeds.CONTINUE and deed.log is None and not deed.writes and not deed.untracks


def _comes_in(now: Now) -> bool:
    """Whether the packet comes from elsewhere; the node itself answers what was sent to it."""
    return now.path != (INPUT if now.is_answer else OUTPUT)


def _end(now: Now) -> str:
    """By which hook the packet goes on behind the routing decision."""
    return {OUTPUT: INPUT}.get(now.path, now.path) if now.is_answer else now.path


def _add(packets: Packets, now: Now, flows: Flows) -> None:
    known = packets.get(now)
    packets[now] = flows if known is None else known | flows


def _joined(several: Iterable[Mapping[Now, Flows]]) -> Packets:
    found: Packets = {}
    for packets in several:
        for now, flows in packets.items():
            _add(found, now, flows)
    return found


def _written(now: Now, deed: Deed) -> Now:
    for write in deed.writes:
        now = _one_written(now, write)
    return now._replace(tracked=False) if deed.untracks and not now.seen else now


def _one_written(now: Now, write: Write) -> Now:
    mine, other = (now.mark, now.ct_mark) if write.which == "mark" else (now.ct_mark, now.mark)
    unknown = write.flip is None or (mine is None and write.keep) or (other is None and write.other)
    value = None if unknown else ((mine or 0) & write.keep) ^ (write.flip or 0) ^ ((other or 0) & write.other)
    return now._replace(mark=value) if write.which == "mark" else now._replace(ct_mark=value)
