"""One rule of an nft listing: its text, and what the lab reads from it.  Read, never interpreted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lab.ruleset.nft.tokens import NAME, without_strings
from lab.written.reject import RESET, kind_of_nft

# Statements after which a packet's way is decided, or that hand it on; of several in a rule, the last.
_ENDS = frozenset((
    "accept", "drop", "continue", "return", "reject", "jump", "goto", "queue", "masquerade", "snat", "dnat", "redirect",
    "tproxy", "synproxy", "notrack", "dup", "fwd", "vmap",
))
# Behind these, such a word is a value: `icmp type redirect`, `ct status dnat`.
_BEFORE_A_VALUE = frozenset(("type", "status", "code", "set", "to", "!=", "==", "!", "&", "|", "^", "in", "with"))
_BRACES = re.compile(r"\{[^{}]*\}")
_BLOCK = re.compile(r"(?<![\w/.@-])(jump|goto) \{.*\}", re.DOTALL)
# iptables-nft takes more for a chain's name than nft does.
_CHAINS = re.compile(r"(?<![\w/.@-])(jump|goto) ([^\s{},;:@\"]+)")
_VERDICT_MAP = re.compile(rf" vmap (?:@({NAME})|\{{)")
_COMMENT = re.compile(r' comment "([^"]*)"\Z')
_STATEFUL = re.compile(
    r"(?<![\w/.@-])(?:limit (?:rate|name) |quota (?:over |until |name |\d)|ct count |numgen |meter "
    r"|(?<!flow )(?:add|update|delete) @)"
)
_OF_ELEMENTS = ("limit rate ", "quota ", "ct count ")
_WRITES = re.compile(rf"(?<![\w/.@-])(?<!flow )(?:(?:add|update|delete) @|meter )({NAME})")
_SET = re.compile(rf"@({NAME})")
_STATES = re.compile(r"(?<![\w/.@-])ct state (vmap )?(?:\{ ?([^{}]*)\}|([\w,]+))")
_REVERSE_PATH = re.compile(r"(?<![\w/.@-])fib saddr(?: \. \w+)* (?:oif|oifname|check) (?:== |eq )?(?:missing|0)(?![\w.])")
_WORDS = re.compile(r'"[^"]*"|[^\s"]+')
_TO = re.compile(
    r"(?<![\w/.@-])(?:redirect|dnat)(?: ip6?)?(?: to (?P<to>\S+))?"
    r"(?P<more>(?! (?:random|fully-random|persistent|comment)\b) \S+)?"
)
_ADDRESS_PORT = re.compile(r"(?:\[([^\]]*)\]|([\d.-]*|[\da-fA-F:.]*:[\da-fA-F:.-]*))(?::(\d+(?:-\d+)?))?")
_REJECT_WITH = re.compile(r"(?<![\w/.@-])reject with (tcp reset|(?:icmpx?|icmpv6|icmp6) (?:type )?\S+)")


@dataclass(frozen=True, slots=True)
class NftRule:
    """A rule as ``nft -a -s list ruleset`` prints it.

    ``handle`` is the kernel's, 0 where nft prints none (a rule of a block); ``number`` its place in the chain from 1;
    ``text`` the rule in nft's words on one line, without the handle.  ``target`` is the word of the last verdict or
    statement that ends or hands on (``accept``, ``jump``, ``dnat``, ``log`` where it only logs), ``vmap`` where a map
    of verdicts decides.  ``jump_to`` are the chains that it can lead to, those of all its maps too, and every chain of the
    table where a map is not known; ``goto`` says that it comes back from none of them.  ``block`` are the rules of
    ``jump { … }``, whose chain the kernel gives a name of its own (``__chain3``), which is not in ``jump_to``.

    ``reject_with`` is in iptables' words where those fit one family (``icmp-port-unreachable``, ``tcp-reset``), else as in
    ``icmpx-port-unreachable``.  ``stateful``: it has a limit, quota, count of connections or number
    generator, writes a set, or asks a set that a rule of its table writes or whose elements have a limit of their own.
    ``about_invalid``: it is about packets of state invalid, or of a source on the wrong interface.
    """

    handle: int
    number: int
    text: str
    comment: str | None = None
    target: str | None = None
    jump_to: tuple[str, ...] = ()
    goto: bool = False
    log_prefix: str | None = None
    reject_with: str | None = None
    stateful: bool = False
    about_invalid: bool = False
    block: tuple[NftRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of a table its rules refer to: the chains in its maps' elements, the sets with a state, its chains' names."""

    maps: Mapping[str, Sequence[tuple[str, str]]]
    written: Collection[str] = ()
    chains: Collection[str] = ()


def jumps_in(elements: str) -> list[tuple[str, str]]:
    """``jump`` or ``goto`` and the chain, for each element of a verdict map that leads to one, in order, once."""
    if "jump " not in elements and "goto " not in elements:
        return []
    return list(dict.fromkeys(_CHAINS.findall(without_strings(elements))))


def has_state(definition: str) -> bool:
    """Whether a set's elements, as its definition has them, have a limit, a quota or the like of their own."""
    # the words first: sets of 100,000 elements are usual
    return any(word in definition for word in _OF_ELEMENTS) and _STATEFUL.search(without_strings(definition)) is not None


def written_sets(text: str) -> list[str]:
    """The sets that a rule writes (``add @s { … }``, ``update``, ``delete``, ``meter``)."""
    return _WRITES.findall(without_strings(text)) if "@" in text or "meter " in text else []


def read_rule(
    handle: int, number: int, text: str, around: Surroundings, block: tuple[NftRule, ...] | None = None
) -> NftRule:
    """The rule of this text; ``block`` are the rules of ``jump { … }``, which the text then has as ``{}``.

    >>> rule = read_rule(7, 1, "tcp dport 22 limit rate 5/minute accept", Surroundings({}))
    >>> rule.target, rule.stateful
    ('accept', True)
    """
    bare = without_strings(text)
    outer = _BRACES.sub("{}", bare) if "{" in bare else bare
    words = outer.split()
    target = _target(words)
    jumps = _jumps(bare, words.count("vmap"), around)
    verdicts = {*(verdict for verdict, _ in jumps), *([target] if block is not None else ())}
    comment = _COMMENT.search(text) if "comment" in words else None
    shown = text if block is None else text.replace(
        f"{target} {{}}", f"{target} {{ {'; '.join(rule.text for rule in block)} }}", 1
    )
    return NftRule(
        handle, number, shown,
        comment[1] if comment else None,
        target,
        tuple(dict.fromkeys(chain for _, chain in jumps)),
        verdicts == {"goto"},
        _log_prefix(text) if "log" in words else None,
        _reject_with(outer) if target == "reject" else None,
        _STATEFUL.search(bare) is not None or _asks_written(bare, around.written),
        is_about_invalid(bare),
        block or (),
    )


def without_block(text: str) -> str:
    """A rule without the rules of its own that it has in ``jump { … }``.

    >>> without_block("ip daddr 10.0.0.1 jump { accept; }")
    'ip daddr 10.0.0.1 jump {}'
    """
    return _BLOCK.sub(r"\1 {}", text) if "p {" in text or "o {" in text else text


def statements(text: str) -> frozenset[str]:
    """Every word of a rule that says what becomes of a packet, but those of ``jump { … }``, which has rules of its own.

    >>> sorted(statements("tcp dport 22 notrack accept"))
    ['accept', 'notrack']
    """
    bare = without_block(without_strings(text))
    words = _BRACES.sub("{}", bare).split() if "{" in bare else bare.split()
    return frozenset(word for place, word in enumerate(words) if word in _ENDS and _ends(words, place))


class NewDestination(NamedTuple):
    """What a rule puts in place of a packet's destination: "" for what it leaves, None for what is not read."""

    address: str | None
    ports: str | None


def new_destination(text: str) -> NewDestination:
    """What `dnat` or `redirect` of a rule gives: an address or a range, a port or a range, as they are written.

    >>> new_destination("tcp dport 443 dnat ip to 10.0.2.10:8443")
    NewDestination(address='10.0.2.10', ports='8443')
    """
    found = _TO.search(without_strings(text))
    if found is None or found["more"]:
        return NewDestination(None, None)
    written = found["to"] or ""
    address, ports = (found[1] or found[2], found[3]) if (found := _ADDRESS_PORT.fullmatch(written)) else (None, None)
    return NewDestination(address if written else "", (ports or "") if address is not None or not written else None)


def _target(words: Sequence[str]) -> str | None:
    for place in range(len(words) - 1, -1, -1):
        if words[place] in _ENDS and _ends(words, place):
            return words[place]
    return "log" if "log" in words else None


def _ends(words: Sequence[str], place: int) -> bool:
    """Whether such a word is no value of something; `vmap` is none of anything: `icmp type vmap { … }`."""
    return words[place] == "vmap" or place == 0 or words[place - 1] not in _BEFORE_A_VALUE


def _jumps(bare: str, maps: int, around: Surroundings) -> list[tuple[str, str]]:
    """Every ``jump`` or ``goto`` of a rule with ``maps`` verdict maps, whatever stands before or behind it."""
    found = jumps_in(bare)
    if maps:
        read = _VERDICT_MAP.findall(bare)
        if len(read) != maps or any(name and name not in around.maps for name in read):
            return [("jump", chain) for chain in around.chains]
        for name in read:
            found += around.maps.get(name, ())
    return found


def _log_prefix(text: str) -> str | None:
    """The prefix of a rule's log statement."""
    words: list[str] = _WORDS.findall(text)
    rest = words[words.index("log") + 1:] if "log" in words else []
    for option, value in zip(rest[::2], rest[1::2], strict=False):
        if option == "prefix":
            return value.strip('"')
        if option not in ("level", "group", "snaplen", "queue-threshold", "flags"):
            break
    return None


def _reject_with(bare: str) -> str:
    found = _REJECT_WITH.search(bare)
    if found is None:
        return "icmpx-port-unreachable"
    if found[1] == "tcp reset":
        return RESET
    words = found[1].split()
    return kind_of_nft(words[0], words[-1])


def _asks_written(bare: str, written: Collection[str]) -> bool:
    return bool(written) and "@" in bare and any(name in written for name in _SET.findall(bare))


def is_about_invalid(text: str) -> bool:
    """Whether a rule is about packets of state invalid, or of a source on the wrong interface.

    >>> is_about_invalid("ct state invalid drop"), is_about_invalid("ct state invalid,new drop")
    (True, False)
    """
    bare = without_block(without_strings(text))
    if "ct state " in bare:
        for found in _STATES.finditer(bare):
            listed = (found[2] or found[3] or "").replace(",", " ").split()
            if found[1]:
                pairs = (element.partition(":") for element in (found[2] or "").split(","))
                listed = [state.strip() for state, _, verdict in pairs if verdict.strip() == "drop"]
            if "invalid" in listed and "new" not in listed:
                return True
    return "fib saddr" in bare and _REVERSE_PATH.search(bare) is not None
