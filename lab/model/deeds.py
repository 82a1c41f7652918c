"""What a rule does to a packet that matches, in either dialect: its verdict, what it writes, what it translates to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from lab.ruleset.addresses import WIDTH
from lab.ruleset.conditions import without_texts
from lab.ruleset.effects import ACCEPTS, DENIES, GOES, LEADS, PASSES_ON, RETURNS, TRANSLATES
from lab.ruleset.held import HeldRule
from lab.ruleset.nft.rule import new_destination, without_block
from lab.ruleset.words import words

_ALL = 2**32 - 1
ACCEPT, DROP, RETURN, CONTINUE, JUMP, GOTO, TAKEN, DESTINATION, SOURCE, BY_KEY = (
    "accept", "drop", "return", "continue", "jump", "goto", "taken", "destination", "source", "by key",
)  # fmt: skip
"""Verdicts; ``taken`` is what ends a packet's way in a manner that is not followed, ``by key`` a map that has one each."""
MASQUERADE = "masquerade"
"""A source that becomes the address of the interface that the packet leaves by."""
_VERDICTS = {ACCEPTS: ACCEPT, DENIES: DROP, RETURNS: RETURN, LEADS: JUMP, GOES: GOTO, PASSES_ON: CONTINUE}
_NFT_MARK = re.compile(r"(?P<which>meta|ct) mark set (?P<value>.+)")
_NFT_NUMBER = re.compile(r"(?P<of>(?:meta |ct )?mark (?P<op>\||or|&|and|\^|xor) )?(?P<number>0x[0-9a-f]+|\d+)")
_NFT_SOURCE = re.compile(r"(?<![\w/.@-])snat(?: ip6?)? to (?P<to>\S+)")


class Write(NamedTuple):
    """A mark that is written: of ``which`` (``mark``, ``ct_mark``) the bits ``keep`` stay, and ``flip`` are turned then.

    ``other`` bits of the other mark are turned in; None tells that what is written is not known.
    """

    which: str
    keep: int = 0
    flip: int | None = 0
    other: int = 0


class Translation(NamedTuple):
    """A new address and how many of its bits are new, a new port, each None where it stays; ``said`` as the rule has it.

    ``own`` tells that the address is the node's, on the interface that the packet came in by.
    """

    address: tuple[int, int] | None
    port: int | None
    said: str
    own: bool = False


class Deed(NamedTuple):
    """All that a rule does; ``outcome`` is what becomes of the packet in words, where its way ends here."""

    verdict: str
    outcome: str = ""
    jump_to: tuple[str, ...] = ()
    writes: tuple[Write, ...] = ()
    untracks: bool = False
    log: str | None = None
    translation: Translation | None = None


def deed_of(rule: HeldRule, family: int) -> Deed:
    """What a rule does to packets of a family.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> deed_of(rule_in_line("v4", "-A PREROUTING -j MARK --set-xmark 0x2/0xff"), 4).writes
    (Write(which='mark', keep=4294967040, flip=2, other=0),)
    """
    log = _log(rule)
    writes = tuple(_writes(rule))
    untracks = "notrack" in rule.partly.sets or "notrack" in rule.statements or rule.target == "NOTRACK" or (
        rule.target == "CT" and "--notrack" in words(rule.text)
    )
    if rule.target == "vmap":
        return Deed(BY_KEY if rule.partly.verdicts else TAKEN, rule.text, rule.jump_to, writes, untracks, log)
    effect = rule.effect
    if effect == TRANSLATES:
        end = DESTINATION if rule.translates == "destination" else SOURCE
        read = _to_destination(rule, family) if end == DESTINATION else Translation(None, None, _source_said(rule))
        return Deed(end, ACCEPT, (), writes, untracks, log, read)
    if effect == DENIES:
        kind = rule.reject_kind(family)
        return Deed(DROP, "drop" if kind is None else f"reject {kind}", (), writes, untracks, log)
    verdict = _VERDICTS.get(effect)
    if verdict is None:
        return Deed(TAKEN, _taken(rule), (), writes, untracks, log)
    return Deed(verdict, "accept" if verdict == ACCEPT else "", rule.jump_to, writes, untracks, log)


def _taken(rule: HeldRule) -> str:
    if rule.is_native:
        return f"{rule.target}"
    found = words(rule.text)
    place = next((place for place, word in enumerate(found) if word in ("-j", "-g")), len(found))
    return " ".join(found[place + 1:])


def _log(rule: HeldRule) -> str | None:
    if rule.log_prefix is not None:
        return rule.log_prefix
    if rule.is_native:
        return "" if "log" in without_texts(without_block(rule.text)).split() else None
    return "" if rule.target in ("LOG", "NFLOG", "ULOG") else None


def _writes(rule: HeldRule) -> Iterator[Write]:
    if rule.is_native:
        for said in rule.partly.sets:
            if (found := _NFT_MARK.fullmatch(said)) is not None:
                yield _nft_write("mark" if found["which"] == "meta" else "ct_mark", found["value"])
    elif rule.target in ("MARK", "CONNMARK"):
        which = "mark" if rule.target == "MARK" else "ct_mark"
        said_words = words(rule.text)
        try:
            yield _write(which, dict(zip(said_words, [*said_words[1:], ""], strict=True)))
        except ValueError:
            yield Write(which, 0, None)


def _nft_write(which: str, value: str) -> Write:
    if value in ("meta mark", "mark", "ct mark"):
        return Write(which, 0, 0, _ALL) if (value == "ct mark") == (which == "mark") else Write(which, _ALL)
    found = _NFT_NUMBER.fullmatch(value)
    if found is None or (found["of"] or "").startswith("ct" if which == "mark" else "meta"):
        return Write(which, 0, None)
    number = int(found["number"], 0)
    match found["op"]:
        case None:
            return Write(which, 0, number)
        case "|" | "or":
            return Write(which, _ALL ^ number, number)
        case "&" | "and":
            return Write(which, number)
    return Write(which, _ALL, number)


def _write(which: str, options: dict[str, str]) -> Write:
    """Of xt_mark and xt_connmark: `--set-xmark V/M` leaves what is not in M and turns V in, `--set-mark` clears V too."""
    for option, said in options.items():
        value, _, mask = said.partition("/")
        match option:
            case "--set-xmark":
                return Write(which, _ALL ^ (int(mask, 0) if mask else _ALL), int(value, 0))
            case "--set-mark":
                return Write(which, _ALL ^ ((int(mask, 0) if mask else _ALL) | int(value, 0)), int(value, 0))
            case "--or-mark":
                return Write(which, _ALL ^ int(said, 0), int(said, 0))
            case "--and-mark":
                return Write(which, int(said, 0))
            case "--xor-mark":
                return Write(which, _ALL, int(said, 0))
            case "--save-mark" | "--restore-mark":
                masks = options.get("--mask") or ""
                ct, nf = (int(options.get(name) or masks or str(_ALL), 0) for name in ("--ctmask", "--nfmask"))
                saves = option == "--save-mark"
                return Write("ct_mark" if saves else "mark", _ALL ^ (ct if saves else nf), 0, nf if saves else ct)
    raise ValueError


def _source_said(rule: HeldRule) -> str:
    if rule.target in ("MASQUERADE", "masquerade"):
        return MASQUERADE
    found = _NFT_SOURCE.search(rule.text) if rule.is_native else None
    return (rule.to or "") if found is None else found["to"]


def _to_destination(rule: HeldRule, family: int) -> Translation:
    """What it puts in place of a destination; of a range the first stands for all."""
    if rule.target == "NETMAP":
        net = ip_network(rule.to or "", strict=False)
        return Translation((int(net.network_address), net.prefixlen), None, str(net))
    redirects = rule.target in ("REDIRECT", "redirect")
    address, ports = new_destination(rule.text) if rule.is_native else (rule.new_address, _ports(rule))
    port = (ports or "").partition("-")[0]
    said = f"{'itself' if redirects else address or ''}{f':{ports}' if ports else ''}"
    number = first_address(address or "")
    to = None if number is None else (number, WIDTH[family])
    return Translation(to, int(port) if port.isdecimal() and len(port) < 6 else None, said, redirects)


def first_address(said: str) -> int | None:
    """The address, or the first of a range, of what a translation leads to; ports are left out, None where none is said.

    >>> first_address("192.0.2.1-192.0.2.9:1024-2048") == first_address("192.0.2.1"), first_address(":80")
    (True, None)
    """
    first = said.partition("-")[0]
    if first.startswith("["):
        first = first[1:].partition("]")[0]
    elif first.count(":") == 1:
        first = first.partition(":")[0]
    try:
        return int(ip_address(first)) if first else None
    except ValueError:
        return None


def _ports(rule: HeldRule) -> str:
    to = (rule.to or "").partition("/")[0]
    if rule.target == "REDIRECT":
        return to
    if to.startswith("["):
        return to.partition("]:")[2]
    return to.partition(":")[2] if to.count(":") == 1 else ""
