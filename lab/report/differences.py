"""One difference in words: who, to whom, which service, how many; what became of it on each side, by which rule, and whose."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from lab.record.difference import Aspect, Difference, Flow, FlowClass, Side
from lab.record.path import Path, Rule
from lab.record.verdict import Kind, Verdict
from lab.report.any_but import any_but
from lab.report.causes import services_text
from lab.report.failure import in_a_word, place
from lab.report.path import translated
from lab.report.plain import plain
from lab.ruleset.addresses import WIDTH, read_addresses
from lab.ruleset.addresses import size as how_many

Named = Callable[[Rule], str]
OPENS, CLOSES = "OPENS", "CLOSES"
_WORDS = {
    Aspect.ALLOW: "answered otherwise",
    Aspect.REFUSAL: "refused otherwise",
    Aspect.TRANSLATION: "translated otherwise",
    Aspect.WAY: "marked or sent otherwise",
    Aspect.LOG: "logged otherwise",
    Aspect.RULE: "by another rule alone",
}
_MARKS = {
    Aspect.ALLOW: "ANSWER", Aspect.REFUSAL: "REFUSAL", Aspect.TRANSLATION: "NAT", Aspect.WAY: "WAY", Aspect.LOG: "LOG",
    Aspect.RULE: "RULE",
}  # fmt: skip
_ANY = {"0.0.0.0/0": "any", "::/0": "any IPv6"}
MOST_NAMED = 3  # prefixes, or pieces of services, of one end
_EXACT, _MILLION, _BILLION, _TRILLION = 10**6, 10**6, 10**9, 10**12
_PORTS, _ICMP = ("tcp", "udp", "sctp", "dccp", "udplite"), ("icmp", "icmpv6")
_ALL_PORTS = re.compile(r"\b(\w+)/[01]-65535(?!\d|,\d)")
_TIMES = " \N{MULTIPLICATION SIGN} "
_LEADING = ("DNAT", "REDIRECT", "NETMAP")
_LET_THROUGH = {Kind.CLOSED: "let through to where nothing listens"}


def rank(one: Difference) -> int:
    """Its place in the order: what opens, what closes, then by aspect."""
    return 0 if one.opens else 1 if one.closes else 2 + one.aspect.place


def mark(one: Difference) -> str:
    """``OPENS``, ``CLOSES``, or a word for the aspect."""
    return OPENS if one.opens else CLOSES if one.closes else _MARKS[one.aspect]


def counted(differences: Sequence[Difference]) -> list[str]:
    """``1 opens``, ``2 close``, ``3 are logged otherwise``: how many of each kind, in their order."""
    opens, closes = sum(one.opens for one in differences), sum(one.closes and not one.opens for one in differences)
    words = [f"{opens:,} {'opens' if opens == 1 else 'open'}"] * bool(opens)
    words += [f"{closes:,} {'closes' if closes == 1 else 'close'}"] * bool(closes)
    for aspect in Aspect:
        others = sum(one.aspect is aspect and not (one.opens or one.closes) for one in differences)
        words += [f"{others:,} {'is' if others == 1 else 'are'} {_WORDS[aspect]}"] * bool(others)
    return words


def between(one: Difference, most: int | None = MOST_NAMED) -> str:
    """``192.0.2.0/24 by wan -> 10.0.2.10``: who, and to whom; of many prefixes the first ``most``."""
    entered = f" by {', '.join(one.of.entered)}" if one.of.entered else ""
    return plain(f"{_ends(one.of.sources, most)}{entered} -> {_ends(one.of.destinations, most)}")


def service(one: Difference, most: int | None = MOST_NAMED) -> str:
    """``tcp/443``, of bare segments with their flags."""
    text = _ALL_PORTS.sub(r"all \1", services_text(one.of.services))
    pieces = text.split(",")
    shown = text if most is None or len(pieces) <= most else f"{','.join(pieces[:most])} and {len(pieces) - most} more"
    flags = f" {','.join(one.flow.flags)}" if one.flow.flags else ""
    return plain(f"{shown}{flags}")


def size(of: FlowClass) -> str:
    """How large a class is: so many addresses by so many ports; empty where that is not known.

    >>> size(FlowClass(("10.0.0.0/8",), ("any", "10.0.2.10"), ("tcp/443",), 100, whole=False))
    '100 flows of these'
    """
    if of.size is None:
        return ""
    sources, destinations, services = _addresses(of.sources), _addresses(of.destinations), _services(of.services)
    if not of.whole or sources * destinations * services != of.size:
        return f"{number(of.size)} {'flow' if of.size == 1 else 'flows'}{'' if of.whole else ' of these'}"
    many = [number(one) for one in (sources, destinations) if one > 1] or ["1"]
    addresses = f"{_TIMES.join(many)} {'address' if many == ['1'] else 'addresses'}"
    return f"{addresses}{_TIMES}{_services_words(of.services, services)}"


def number(count: int) -> str:
    """A number that a person takes in: exact below a million, then rounded.

    >>> number(65_535), number(16_777_216), number(2**32), number(2**64), number(3 * 2**64)
    ('65,535', '16.8 million', '4.3 billion', '2^64', 'about 2^66')
    """
    if count < _EXACT:
        return f"{count:,}"
    for least, word in ((_MILLION, "million"), (_BILLION, "billion")):
        if count < least * 1_000:
            return f"{count / least:.1f} {word}"
    exponent = round(math.log2(count))
    return f"2^{exponent}" if count == 1 << exponent else f"about 2^{exponent}"


def flow_text(flow: Flow) -> str:
    """The flow that was sent, with who sent it: ``client 198.51.100.20 > 10.0.2.10 tcp/443``."""
    port = f" from port {flow.sport}" if flow.sport is not None else ""
    return plain(f"{flow.node} {flow}{port}")


def parts_of(one: Difference, node: str, named: Named) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`side_parts` of both sides; where another rule gives the destination, or one written otherwise, that is told too."""
    led = [[rule.text for rule in _leading(side.verdict, node)] for side in (one.old, one.new)]
    to = one.aspect is Aspect.ALLOW and led[0] != led[1]
    old, new = (side_parts(side, one.aspect, node, named, destination=to) for side in (one.old, one.new))
    return old, new


def _leading(verdict: Verdict, node: str) -> list[Rule]:
    """The rules that gave a flow another destination."""
    rules = (rule for path in verdict.path if path.node == node for rule in path.translated_by)
    return [rule for rule in rules if (rule.target or "").upper() in _LEADING]


def side_parts(side: Side, aspect: Aspect, node: str, named: Named, *, destination: bool = False) -> tuple[str, ...]:
    """``dropped by filter:FORWARD:3  [edge.rules:9]``, ``owner net-sec``, …: what became of it, by which rule, and whose.

    ``named`` is what rules are called, as `rule_text` calls them; ``destination`` has told where it was led to.
    """
    by = f"{_by(side)} {named(side.rule)}" if side.rule is not None else ", by no rule"
    then = f"then also blocked by {', '.join(map(named, side.then))}" if side.then else ""
    led: list[str] = []
    if destination and _leading(side.verdict, node):
        texts = [text for path in side.verdict.path if path.node == node for text in _translations(path, named)]
        led = [text for text in texts if text.startswith("destination")]
    parts = f"{plain(became(side.verdict))}{by}", *_detail(side.verdict, aspect, node, named), *led, owner_text(side), then
    return tuple(part for part in parts if part)


def _by(side: Side) -> str:
    """How its rule made it so: of what was let through and came to nothing that rule is not to blame."""
    verdict = side.verdict
    if verdict.kind in (Kind.ALLOWED, Kind.DROPPED, Kind.REJECTED, Kind.CONSUMED):
        return " by"
    return ", as its answer was dropped by" if verdict.stopped_by == side.rule else ", passed by"


def told(parts: Iterable[str]) -> str:
    """The parts in one sentence."""
    return "; ".join(parts)


def became(verdict: Verdict) -> str:
    """The verdict in a word or a few."""
    if verdict.kind is Kind.UNROUTED and verdict.passed_node:
        return "let through"
    return _LET_THROUGH.get(verdict.kind, in_a_word(verdict))


def rule_text(rule: Rule, node: str) -> str:
    """The rule with its line; the node is told where it is another than that which is compared."""
    return plain(f"{str(rule).removeprefix(f'{node} ')}{place(rule)}")


def owner_text(side: Side) -> str:
    """Who answers for the rule; empty where nobody is named."""
    said = (("owner", side.owner), ("ticket", side.ticket), ("review", side.review))
    return plain(", ".join(f"{word} {value}" for word, value in said if value is not None))


def _detail(verdict: Verdict, aspect: Aspect, node: str, named: Named) -> Iterator[str]:
    """What the sides differ in, where that is neither the verdict nor the rule."""
    paths = [path for path in verdict.path if path.node == node]
    if aspect is Aspect.TRANSLATION:
        yield ", ".join(text for path in paths for text in _translations(path, named)) or "not translated"
    elif aspect is Aspect.WAY and paths:
        last = paths[-1]
        way = f"out by {last.out}" if last.out else f"toward {last.toward}" if last.toward else "goes nowhere"
        yield plain(f"{way}, mark {last.mark:#x}")
    elif aspect is Aspect.LOG:
        prefixes = log_prefixes(paths)
        yield plain(f"logged as {', '.join(map(repr, prefixes))}" if prefixes else "not logged")


def log_prefixes(paths: Iterable[Path]) -> dict[str, Rule]:
    """The prefixes of the LOG rules that a packet met, each with its first rule."""
    found: dict[str, Rule] = {}
    for path in paths:
        for step in path.steps:
            if step.rule is not None and step.rule.log_prefix is not None:
                found.setdefault(step.rule.log_prefix, step.rule)
    return found


def _translations(path: Path, named: Named) -> Iterator[str]:
    """``destination becomes 10.0.2.10:8443 by nat:PREROUTING:1``: ports of sources are the kernel's choice, and left out."""
    after = path.exit or path.head(-1)
    for what, rules in translated(path):
        side = what.partition(" ")[0]
        to = after.source if side == "source" else after.end_point(side)
        by = f" by {', '.join(map(named, rules))}" if rules else ""
        yield f"{plain(f'{side} becomes {to}')}{by}"


def _ends(texts: Sequence[str], most: int | None) -> str:
    left_out = any_but(texts)
    shown = [_ANY.get(text, text) for text in texts] if left_out is None else left_out
    told = ", ".join(shown[:most]) + (f" and {len(shown) - most:,} more" if most is not None and len(shown) > most else "")
    if left_out is None:
        return told or "any"
    any_ = _ANY["::/0" if ":" in texts[0] else "0.0.0.0/0"]
    return f"{any_} but {told}" if told else any_


def _addresses(texts: Iterable[str]) -> int:
    """How many addresses; 0 where a text is none."""
    texts = tuple(texts)
    try:
        return sum(how_many(read_addresses(texts, family)) for family in WIDTH)
    except ValueError:
        return 0


def _services(texts: Iterable[str]) -> int:
    """How many ports, or types of ICMP, or protocols; 0 where that is not said."""
    count = 0
    for text in texts:
        proto, _, which = text.partition("/")
        if proto not in _PORTS:
            count += 1
            continue
        for part in which.split(","):
            low, _, high = part.partition("-")
            if not (low.isdecimal() and (high or low).isdecimal()):
                return 0
            count += int(high or low) - int(low) + 1
    return count


def _services_words(texts: Iterable[str], count: int) -> str:
    protocols = {text.partition("/")[0] for text in texts}
    word = "port" if protocols <= set(_PORTS) else "type" if protocols <= set(_ICMP) else "service"
    return f"{number(count)} {word}{'' if count == 1 else 's'}"
