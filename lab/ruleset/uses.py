"""The parts of a rule that have a state of their own, in either dialect: which memory each uses, and how much that bears.

Facts are those of the kernel's sources, named at each function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from lab.ruleset.conditions import Condition, of_iptables, of_nft, without_texts
from lab.ruleset.memory import BOUNDLESS, Kind, Use
from lab.ruleset.nft.rule import without_block
from lab.ruleset.nft.tokens import NAME
from lab.ruleset.words import words

_PACKET = 1500  # bytes, at most, of a packet that is sent here
_BURST = 5  # XT_LIMIT's, xt_hashlimit's and nft_limit's own
_IN_HEADER = frozenset(("sources", "destinations", "proto", "entered", "left"))
_DAY = 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}
_BYTES = {"bytes": 1, "kbytes": 1024, "mbytes": 1024**2, "gbytes": 1024**3}
_WHOLE_MASKS = frozenset(("32", "128", "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))

_PARTS = re.compile(
    rf"(?<![\w/.@-])(?:limit (?:rate (?:over )?(?P<rate>\d+)(?: (?P<unit>[kmg]?bytes))?/\w+"
    rf"(?: burst (?P<burst>\d+) (?P<of>packets|[kmg]?bytes))?|name \"?(?P<limit>{NAME})\"?)"
    rf"|quota (?:(?:over |until )?(?P<bytes>\d+) (?P<size>[kmg]?bytes)|name \"?(?P<quota>{NAME})\"?)"
    rf"|ct count (?:over )?(?P<count>\d+)|(?P<nth>numgen inc )"
    rf"|(?<!flow )(?P<verb>add|update|delete|meter) @?(?P<set>{NAME})(?: size \d+)?(?P<own> \{{[^{{}}]*\}})?)"
    rf"|(?<![\w/.-])@(?P<asked>{NAME})"
)


def uses_of_iptables(text: str) -> Iterator[Use]:
    """The uses of a rule as iptables-save prints it.

    The header's conditions are asked first, wherever they stand, then match by match from left to right, then comes the target
    (ipt_do_table; iptables-nft keeps that order).

    >>> (use,) = uses_of_iptables("-A INPUT -p tcp -m limit --limit 5/min --limit-burst 9 -m tcp --dport 22 -j ACCEPT")
    >>> str(use.kind), use.budget, [str(gate.values) for gate in use.gates]
    ('limit', 9, ["('tcp',)"])
    """
    said = list(words(text))
    header = tuple(one for one in of_iptables(text) if one.field in _IN_HEADER)
    for begin, end in _groups(said):
        read = _OF_ITEMS.get((said[begin].replace("--match", "-m").replace("--jump", "-j"), said[begin + 1]))
        if read is not None:
            before = " ".join(said[:begin])
            gates = (*header, *(one for one in of_iptables(before) if one.field not in _IN_HEADER))
            yield from read(said[begin + 2 : end], gates)


def _groups(said: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each match and the target begins and ends."""
    begins = [place for place, word in enumerate(said[:-1]) if word in ("-m", "-j", "-g", "--match", "--jump", "--goto")]
    yield from zip(begins, [*begins[1:], len(said)], strict=True)


def _options(of: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word, after in zip(of, [*of[1:], ""], strict=True):
        if word.startswith("--"):
            name, is_one, value = word.partition("=")
            found[name] = value if is_one else "" if after.startswith("--") else after
    return found


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise


def _bucket(rate: str, burst: str | None) -> int:
    """How many packets a full bucket lets through: its burst, where that takes no more than a day to fill.

    One of more overflows the kernel's credits, and holds less (xt_limit.c:user2credits, xt_hashlimit.c:user2credits).
    """
    packets = _number(burst, _BURST)
    number, _, unit = rate.partition("/")
    seconds = _SECONDS.get(unit[:1], _DAY) / max(1, _number(number, 1))
    return packets if packets * seconds <= _DAY else 1


def _limit(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """A bucket of as many packets as the burst, full at first (xt_limit.c:limit_mt_check)."""
    said = _options(of)
    budget = _bucket(said.get("--limit", "3/hour"), said.get("--limit-burst"))
    yield Use(Kind.LIMIT, None, reads=True, writes=True, budget=budget, gates=gates)


def _hashlimit(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """A bucket for each hash, each full at first; one of bytes is not counted in packets (xt_hashlimit.c)."""
    said = _options(of)
    rate = next((value for name, value in said.items() if name in ("--hashlimit-upto", "--hashlimit-above", "--hashlimit")), "")
    of_bytes = "b/" in rate or "--hashlimit-rate-match" in said
    budget = 1 if of_bytes else _bucket(rate, said.get("--hashlimit-burst"))
    whole = said.get("--hashlimit-srcmask", "32") in _WHOLE_MASKS
    by_source = whole and "srcip" in said.get("--hashlimit-mode", "").split(",")
    name = said.get("--hashlimit-name")
    yield Use(Kind.HASHLIMIT, name, reads=True, writes=True, budget=budget, by_source=by_source, gates=gates)


def _recent(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """A list of addresses with the times at which each was seen (xt_recent.c:recent_mt).

    ``--set`` adds a time to it, ``--update`` where it finds what it asks for, ``--remove`` and ``--rcheck`` never.
    """
    said = _options(of)
    name, hits = said.get("--name", "DEFAULT"), _number(said.get("--hitcount"), 1)
    by_source = "--rdest" not in said and said.get("--mask", "32") in _WHOLE_MASKS
    if "--set" in said:
        yield Use(Kind.RECENT, name, reads=False, writes=True, budget=BOUNDLESS, by_source=by_source, gates=gates)
    else:
        updates = "--update" in said
        yield Use(
            Kind.RECENT, name, reads=True, writes=updates, budget=hits - 1, by_source=by_source, gates=gates, on_match=True
        )


def _connlimit(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """Flows of one address; one that is forgotten may count until the next jiffy (nf_conncount.c:__nf_conncount_add)."""
    said = _options(of)
    budget = next((_number(value, 1) for name, value in said.items() if name in ("--connlimit-above", "--connlimit-upto")), 1)
    by_source = "--connlimit-daddr" not in said and said.get("--connlimit-mask", "32") in _WHOLE_MASKS
    yield Use(Kind.COUNT, None, reads=True, writes=True, budget=budget, by_source=by_source, gates=gates)


def _quota(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """Bytes, until there are none (xt_quota.c)."""
    yield Use(Kind.QUOTA, None, reads=True, writes=True, budget=_number(_options(of).get("--quota"), 0) // _PACKET, gates=gates)


def _statistic(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """A counter, where it is not chance (xt_statistic.c)."""
    if _options(of).get("--mode") == "nth":
        yield Use(Kind.NTH, None, reads=True, writes=True, budget=1, gates=gates)


def _other(_of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    yield Use(Kind.OTHER, None, reads=True, writes=True, budget=1, gates=gates)


def _asks_set(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    name = _options(of).get("--match-set")
    if name:
        yield Use(Kind.SET, name, reads=True, writes=False, budget=0, gates=gates)


def _writes_set(of: Sequence[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    for option, name in _options(of).items():
        if option in ("--add-set", "--del-set", "--map-set"):
            asks = option == "--map-set"
            yield Use(Kind.SET, name, reads=asks, writes=not asks, budget=0, gates=gates, on_match=True)


_Read = Callable[[Sequence[str], tuple[Condition, ...]], Iterator[Use]]
_OF_ITEMS: Mapping[tuple[str, str], _Read] = {
    ("-m", "limit"): _limit, ("-m", "hashlimit"): _hashlimit, ("-m", "recent"): _recent, ("-m", "connlimit"): _connlimit,
    ("-m", "quota"): _quota, ("-m", "statistic"): _statistic, ("-m", "rateest"): _other, ("-m", "nfacct"): _other,
    ("-m", "set"): _asks_set, ("-j", "SET"): _writes_set,
}  # fmt: skip


def uses_of_nft(text: str, limiting: Collection[str] = ()) -> Iterator[Use]:
    """The uses of a rule as nft prints it, from left to right (nft_do_chain); those of ``jump { … }`` are its rules' own.

    ``limiting`` are the sets of its table whose elements have a limit, a quota or the like.

    >>> (use,) = uses_of_nft("meta l4proto tcp limit rate over 25/second burst 50 packets drop")
    >>> str(use.kind), use.budget, len(use.gates)
    ('limit', 50, 1)
    """
    bare = without_block(without_texts(text))
    for found in _PARTS.finditer(bare):
        gates = tuple(of_nft(bare[: found.start()]))
        if found["set"] is not None:
            yield from _writes(found, gates)
        elif (asked := found["asked"]) is not None:
            yield Use(Kind.SET, asked, reads=True, writes=asked in limiting, budget=1 if asked in limiting else 0, gates=gates)
        elif found["limit"] or found["quota"]:
            yield Use(Kind.OBJECT, found["limit"] or found["quota"], reads=True, writes=True, budget=1, gates=gates)
        else:
            kind, budget = _bears(found)
            yield Use(kind, None, reads=True, writes=True, budget=budget, gates=gates)


def _bears(found: re.Match[str]) -> tuple[Kind, int]:
    """What stands in a rule itself, and its budget.

    A limit of packets lets its burst through, one of bytes its rate and its burst (nft_limit.c:nft_limit_init).
    """
    if found["rate"] is not None:
        if found["unit"] is None:
            return Kind.LIMIT, _number(found["burst"], _BURST)
        burst = int(found["burst"]) * _BYTES[found["of"]] if found["burst"] else 0
        return Kind.LIMIT, (int(found["rate"]) * _BYTES[found["unit"]] + burst) // _PACKET
    if found["bytes"] is not None:
        return Kind.QUOTA, int(found["bytes"]) * _BYTES[found["size"]] // _PACKET
    return (Kind.COUNT, int(found["count"])) if found["count"] is not None else (Kind.NTH, 1)


def _writes(found: re.Match[str], gates: tuple[Condition, ...]) -> Iterator[Use]:
    """A set that the rule writes: what is in it others read; what an element has of its own the rule reads too."""
    own = found["own"] or ""
    part = _PARTS.search(own)
    by_source = re.match(r" \{ ip6? saddr(?: timeout \S+)?(?: expires \S+)?(?: (?:limit|quota|ct) .*)? \}\Z", own) is not None
    if part is None or part["set"] or part["asked"]:
        yield Use(Kind.SET, found["set"], reads=False, writes=True, budget=BOUNDLESS, by_source=by_source, gates=gates)
    else:
        budget = 1 if part["limit"] or part["quota"] else _bears(part)[1]
        yield Use(Kind.SET, found["set"], reads=True, writes=True, budget=budget, by_source=by_source, gates=gates)
