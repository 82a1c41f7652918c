"""A request that came through, and an answer that did not: where its way led, and what was wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from lab.record.hint import Hint
from lab.record.packet import ICMPS, Packet
from lab.record.path import End, Path, Rule, rules_on
from lab.record.verdict import Kind
from lab.ruleset.held import rules_of
from lab.why.answers import answer_paths, came_to, last_header
from lab.why.case import Case
from lab.why.established import why_not_established
from lab.why.translated import catches_too_much
from lab.why.wording import with_text

_KEEPS = re.compile(r"\bct mark set\b|-j CONNMARK --(?:set|save)-x?mark\b")
_GIVES = re.compile(r"\bmark set ct mark\b|--restore-mark\b|\bct mark\b.* meta mark set\b|-m connmark\b.* -j MARK\b")


def ways_back(case: Case) -> Iterator[Hint]:
    """The first of these that is seen: past who translated, to nobody, no way, by another interface, never asked, not known."""
    if not case.should_pass or case.verdict.kind is not Kind.UNANSWERED:
        return
    for teller in (_past_the_translator, _to_nobody, _no_way_back, _by_another_interface, _dropped):
        told = [*teller(case)]
        yield from told
        if told:
            return


def _past_the_translator(case: Case) -> Iterator[Hint]:
    """The answer came to the sender with the address that the receiver has, as nobody translated it back."""
    seen = case.verdict.observation
    header = last_header(case)
    stray = next((one for one in seen.strays if _is_from(one, header)), None)
    translator = _translator(case)
    receiver = came_to(case)
    if stray is None or translator is None or receiver is None:
        return
    path, rule = translator
    sender = next(iter(case.topology.owners(stray.destination)), "the sender")
    by = [one.node for one in answer_paths(case) if one.node != path.node]
    way = f"by way of {', '.join(dict.fromkeys(by))}" if by else "directly"
    asked, answered = seen.sent.end_point("destination"), stray.end_point("source")
    why = (
        f"{receiver} answers {sender} {way}, past {path.node}, which alone can translate the answer back: "
        f"{sender} asked {asked} and was answered by {answered}"
    )
    if any(catches_too_much(case)):
        yield Hint(why)
    elif path.node not in case.topology.owners(path.entry.destination):
        yield Hint(
            f"{why}; {rule} translated what was for {path.entry.destination}, which is not {path.node}'s own address",
            "let it ask for the address or the interface that it is meant for; where it is meant, masquerade it too",
        )
    else:
        yield Hint(why, _masquerade(case, path, header, receiver, rule))


def _is_from(stray: Packet, header: Packet) -> bool:
    return stray.source == header.destination and (stray.proto in ICMPS or stray.sport == header.dport)


def _masquerade(case: Case, path: Path, header: Packet, receiver: str, rule: Rule) -> str:
    """What makes the answer come back to the node that translates."""
    node, network = path.node, case.topology.network_of(header.source)
    proto = {6: "tcp", 17: "udp"}.get(header.proto)
    if network is None or network != case.topology.network_of(header.destination):
        what = _example(rule, None, header, proto)
        return f"at {node} masquerade what goes to {receiver} ({what}), or lead {receiver}'s way to {header.source} by {node}"
    prefixes = case.topology.networks.get(network, ())
    whom = next((str(prefix) for prefix in prefixes if ip_address(header.source) in prefix), header.source)
    what = _example(rule, whom, header, proto)
    return (
        f"at {node} masquerade what goes from {whom} to {receiver} ({what}), "
        f"or let the name stand for {header.destination} within {network}"
    )


def _example(rule: Rule, whom: str | None, header: Packet, proto: str | None) -> str:
    """A rule that masquerades, in the dialect of the one that translates."""
    if not rule.is_native:
        source = f" -s {whom}" if whom else ""
        ports = f" -p {proto} --dport {header.dport}" if proto else ""
        return f"`-t nat -A POSTROUTING{source} -d {header.destination}{ports} -j MASQUERADE`"
    ip = "ip6" if header.family == 6 else "ip"
    source = f"{ip} saddr {whom} " if whom else ""
    ports = f" {proto} dport {header.dport}" if proto else ""
    return f"`{source}{ip} daddr {header.destination}{ports} masquerade` in a nat chain of postrouting"


def _translator(case: Case) -> tuple[Path, Rule] | None:
    """The last node that changed the request's destination, and by which rule."""
    for path in reversed(case.verdict.path):
        for rule in reversed(path.translated_by):
            if rule.translates == "destination":
                return path, rule
    return None


def _to_nobody(case: Case) -> Iterator[Hint]:
    """The request came with a source that nobody has to whom an answer could come."""
    receiver, header = came_to(case), last_header(case)
    path = next((path for path in reversed(case.verdict.path) if _hides(path)), None)
    if receiver is None or path is None or answer_paths(case) or case.topology.owners(header.source):
        return
    rule = next(rule for rule in reversed(path.translated_by) if rule.translates == "source")
    own = [address for name, _, one in case.topology.on_network(case.topology.network_of(header.source) or "")
           if name == path.node for address in map(str, (each.ip for each in one.of_family(header.family)))]  # fmt: skip
    yield Hint(
        f"{with_text(rule)} translated its source to {header.source}, which nobody has: {receiver} has nowhere to send its "
        "answer",
        f"translate to an address of {path.node}, {' or '.join(own)}" if own else "",
    )


def _hides(path: Path) -> bool:
    return path.exit is not None and path.exit.source != path.entry.source and any(
        rule.translates == "source" for rule in path.translated_by
    )


def _no_way_back(case: Case) -> Iterator[Hint]:
    """The receiver's kernel has no way to where the request came from."""
    receiver, header = came_to(case), last_header(case)
    if receiver is None or answer_paths(case) or case.verdict.observation.strays:
        return
    lead = case.ask_route(receiver, header.source, header.destination, 0)
    if lead is None or lead.refused is None:
        return
    forwarder = next((path for path in reversed(case.verdict.path) if path.end is End.LEFT), None)
    mends = [f"give {receiver} a route there (`via:` or `routes:`)"]
    if forwarder is not None:
        mends.append(f"translate the source at {forwarder.node} (masquerade what leaves by {forwarder.out})")
    yield Hint(
        f"{receiver} has no way back to {header.source}, which the request comes from ({lead.refused})", ", or ".join(mends)
    )


def _by_another_interface(case: Case) -> Iterator[Hint]:
    """A node sends the answer by another interface than the request came in by, and that way it ended."""
    entered = {path.node: path for path in case.verdict.path if path.entered is not None}
    answers = answer_paths(case)
    for number, back in enumerate(answers):
        came = entered.get(back.node)
        if came is None or back.end is not End.LEFT or back.out in (None, came.entered) or came.toward == came.entered:
            continue
        further = answers[number + 1] if number + 1 < len(answers) else None
        by = further.dropped_by if further is not None else None
        where = f", and there {by} dropped it" if by is not None else ""
        source = back.entry.source
        translated = back.exit is not None and back.exit.source != source
        # the route is looked up before the answer is translated back, with the address that many a line shares
        by_source = (
            f"lead at {back.node} what is from {source} by {came.entered} (a routing rule `from {source} lookup TABLE`), or "
        )
        yield Hint(
            f"the request came in to {back.node} by {came.entered}, but its answer leaves by {back.out}{_routed(back)}{where}",
            f"{'' if translated else by_source}{_keep_a_mark(case, came, back)}",
        )
        return


def _routed(back: Path) -> str:
    """By which routing rule that was, where its node was asked."""
    if back.routed is None or back.routed.rule is None:
        return ""
    return f" (ip rule `{back.routed.rule}`: mark {back.routed.mark:#x})"


def _keep_a_mark(case: Case, came: Path, back: Path) -> str:
    """How a mark of the flow brings the answer back: where it was set and no rule gives it to packets, that is what lacks."""
    rules = [*rules_of(case.chains(came.node), case.family)]
    by = next((rule for rule in rules_on([came]) if _KEEPS.search(rule.text)), None)
    if by is None or any(_GIVES.search(rule.text) for rule in rules):
        there = f"for answers that come in by {back.entered}" if back.entered else "for answers in OUTPUT"
        return (
            "keep a mark of the flow (CONNMARK) and look that up (a routing rule `fwmark N lookup TABLE`): "
            f"set for what comes in by {came.entered}, and restored {there}"
        )
    if not by.is_native:
        give = f"`-t mangle -A PREROUTING{f' -i {back.entered}' if back.entered else ''} -j CONNMARK --restore-mark`"
    else:
        of = f'iifname "{back.entered}" ' if back.entered else ""
        give = f"`{of}meta mark set ct mark` in a chain of prerouting, priority mangle"
    return f"give the answer the mark that {by} keeps for the flow, which no rule there does ({give}), and look that up"


def _dropped(case: Case) -> Iterator[Hint]:
    """A rule dropped the answer: of a node that never saw the request, or that does not take it for an answer."""
    answer = next((path for path in answer_paths(case) if path.end is End.DROPPED and path.dropped_by is not None), None)
    if answer is None or answer.dropped_by is None:
        return
    asked = [path for path in case.verdict.path if path.node == answer.node]
    if not asked and answer.node in case.held:
        yield _never_asked(case, answer, answer.dropped_by)
    elif asked:
        yield why_not_established(case, answer, answer.dropped_by)


def _never_asked(case: Case, answer: Path, by: Rule) -> Hint:
    receiver = came_to(case) or "the receiver"
    sender = next(iter(case.topology.owners(case.verdict.observation.sent.source)), "the sender")
    through = [path.node for path in case.verdict.path]
    way = " -> ".join(dict.fromkeys([sender, *through, receiver]))
    state = "its conntrack calls the answer INVALID" if by.about_invalid else "it knows no connection that this answers"
    back = case.ask_route(receiver, answer.entry.destination, None, 0)
    by_way = f"; {receiver} sends to {answer.entry.destination} by way of {back.via}" if back is not None and back.via else ""
    other = f"a route at {receiver} that sends its answers by {through[-1]}" if through else f"a route at {receiver}"
    return Hint(
        f"{answer.node} dropped the answer by {by} and never saw the request, which went {way}: {state}{by_way}",
        f"both ways must lead through {answer.node}, or neither: {other}; a rule for ESTABLISHED changes nothing",
    )
