"""What a rule of native nft remembers and asks of what others wrote, from left to right, as the kernel evaluates it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from lab.ruleset.conditions import of_nft, without_texts
from lab.ruleset.memory import BOUNDLESS, SMALLEST_PACKET, Kind, Use
from lab.ruleset.nft.rule import without_block
from lab.ruleset.nft.tokens import NAME

_PACKET_BYTES = 1500
_BEGIN = r"(?<![\w/.@-])"
_LIMIT = (
    r"limit rate (?:over )?(?P<rate>\d+)(?: ?(?P<unit>[kmg]?bytes))?/\w+"
    r"(?: burst (?P<burst>\d+)(?: ?(?P<of>[kmg]?bytes|packets))?)?"
)
_QUOTA = r"quota (?:over |until )?(?P<quota>\d+) ?(?P<size>[kmg]?bytes)(?P<used> used)?"
_COUNT = r"ct count (?:over |until )?(?P<count>\d+)"
_OWN = re.compile(f"{_BEGIN}(?:{_LIMIT}|{_QUOTA}|{_COUNT})")
_USE = re.compile(
    rf"{_BEGIN}(?:(?P<write>(?<!flow )(?:add|update|delete) @|meter )(?P<written>{NAME})"
    rf"(?P<element>(?: size \d+)? \{{[^{{}}]*\}})?"
    rf"|{_LIMIT}|{_QUOTA}|{_COUNT}|(?P<object>limit|quota) name (?P<name>\"[^\"]*\"|[^\s;]+)(?P<map>(?: [^\s;]+)*? map )?"
    rf"|(?P<inc>numgen inc )|(?P<unread>limit rate |quota |ct count ))"
    rf"|(?<!flow add )(?<!flow offload )@(?P<asked>{NAME})(?![\w,])"
)
# a key whose first part is the whole source address, and that has no destination for it to be mixed up with
_KEY = r"ip6? saddr(?: \. (?!ip6? )[a-z0-9]+(?: [a-z0-9-]+)?)*"
_OF_SOURCE = re.compile(rf"\{{ {_KEY}(?= \}}| timeout | limit | quota | ct count | counter | expires | :)")
_ASKS_SOURCE = re.compile(rf"(?<!\. ){_BEGIN}{_KEY} (?:!= |== )?\Z")
_SETS_SOMETHING = re.compile(rf"{_BEGIN}\S+ set ")
_OPERATOR = re.compile(r"(?:v?map|[!=]=|neq|eq) \Z")
_KINDS = {"rate": Kind.LIMIT, "quota": Kind.QUOTA, "count": Kind.COUNT}
_UNITS = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20, "gbytes": 1 << 30}
_OF_BYTES = {unit: size / SMALLEST_PACKET for unit, size in _UNITS.items()} | {None: 1.0}
_PACE = re.compile(r"limit rate (?:over )?(?P<rate>\d{1,12})(?: ?(?P<unit>[kmg]?bytes))?/(?P<per>\w+)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIMEOUT = re.compile(r"(?<![\w-])timeout ((?:\d{1,9}(?:ms|[smhdw]))+)")
_TIME = re.compile(r"(\d+)(ms|[smhdw])")
_TIMES = {**_SECONDS, "ms": 0.001}


def sets_something(text: str) -> bool:
    """Whether the rule changes a packet, or what is known of its flow (`meta mark set 1`).

    >>> sets_something("limit rate 1/second meta mark set 0x1"), sets_something("limit rate 1/second counter")
    (True, False)
    """
    return " set " in text and _SETS_SOMETHING.search(without_block(without_texts(text))) is not None


def uses_of_nft(text: str, defined: Mapping[str, str]) -> tuple[Use, ...]:
    """The uses of a rule; ``defined`` is how the sets, limits and quotas of its table are made.

    >>> (use,) = uses_of_nft("tcp dport 22 limit rate 5/minute burst 3 packets accept", {})
    >>> use.kind, use.budget, [gate.field for gate in use.gates]
    (<Kind.LIMIT: 'limit'>, 3, ['dports', 'proto'])
    """
    if not any(word in text for word in ("@", "limit ", "quota ", "ct count ", "numgen inc ", "meter ")):
        return ()
    bare = without_block(without_texts(text))
    return tuple(use for found in _USE.finditer(bare) for use in _uses(found, bare, defined))


def _uses(found: re.Match[str], bare: str, defined: Mapping[str, str]) -> Iterator[Use]:
    gates = tuple(of_nft(_OPERATOR.sub("", bare[: found.start()])))
    name = (found["written"] or found["asked"] or found["name"] or "").strip('"')
    said = f"{found[0]} {_as_statement(defined.get(name, ''))}"
    regains, fresh_after = _pace(said), _timeout(said)
    if found["write"]:
        budget = _budget_in(found["element"] or "") or _own_budget(defined, found["written"])
        by_source = _OF_SOURCE.search(found["element"] or "") is not None
        size = _size(defined.get(found["written"], ""), found["element"] or "")
        budget = min(size, BOUNDLESS if budget is None else budget)
        reads = budget < BOUNDLESS and found["write"][:6] != "delete"
        by_source = by_source and size >= BOUNDLESS
        yield Use(
            Kind.SET, name, reads=reads, writes=True, budget=budget, by_source=by_source, gates=gates, regains=regains,
            fresh_after=fresh_after,
        )  # fmt: skip
    elif found["asked"]:
        own = _own_budget(defined, found["asked"])
        by_source = _ASKS_SOURCE.search(bare, 0, found.start()) is not None
        writes = own is not None
        yield Use(
            Kind.SET, name, reads=True, writes=writes, budget=own or 0, by_source=by_source, gates=gates, regains=regains,
            fresh_after=fresh_after,
        )  # fmt: skip
    elif found["object"]:
        if found["map"] or found["name"][0] not in '"' + _LETTERS or name not in defined:
            pace = max((_pace(_as_statement(text)) for text in defined.values()), default=0.0)
            yield Use(Kind.OBJECT, "*", reads=True, writes=True, budget=0, gates=gates, regains=pace)
        else:
            budget = _own_budget(defined, name) or 0
            yield Use(Kind.OBJECT, name, reads=True, writes=True, budget=budget, gates=gates, regains=regains)
    elif found["inc"]:
        # nft_numgen.c, nft_ng_inc_eval(): a counter of the rule's own
        yield Use(Kind.NTH, None, reads=True, writes=True, budget=1, gates=gates)
    else:
        budget = _budget_in(found[0])
        own_kind = next((kind for group, kind in _KINDS.items() if found[group]), Kind.OTHER)
        yield Use(own_kind, None, reads=True, writes=True, budget=budget or 0, gates=gates, regains=regains)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_."


def _as_statement(definition: str) -> str:
    """What a set, limit or quota is made of, a rate that stands alone being that of a limit."""
    said = " ".join(definition.split())
    return f"limit {said}" if said.startswith("rate ") else said


def _pace(text: str) -> float:
    """How many packets a second all limits of the text regain together."""
    found = _PACE.finditer(text)
    return sum(int(one["rate"]) * _OF_BYTES[one["unit"]] / _SECONDS.get(one["per"][0], 1) for one in found)


def _timeout(text: str) -> float:
    """Seconds after which an element is forgotten, the least that is said."""
    said = (sum(int(n) * _TIMES[unit] for n, unit in _TIME.findall(one[1])) for one in _TIMEOUT.finditer(text))
    return min((seconds for seconds in said if seconds > 0), default=math.inf)


def _budget_in(statement: str) -> int | None:
    """How many packets a limit, quota or count bears, the least of several; None where there is none of them.

    nft_limit.c: a bucket of `burst` packets, 5 where it says none, or of `rate` and `burst` bytes
    together, full when it is made.
    nft_quota.c and nft_connlimit.c: as many bytes, flows.
    """
    budgets = [_budget_of(found) for found in _OWN.finditer(statement)]
    return min(budgets, default=None)


def _budget_of(found: re.Match[str]) -> int:
    if found["rate"] and found["unit"]:
        burst = int(found["burst"] or 0) * _UNITS.get(found["of"] or "", 0)
        return (int(found["rate"]) * _UNITS[found["unit"]] + burst) // _PACKET_BYTES
    if found["rate"]:
        return int(found["burst"] or 0) or 5
    if found["quota"]:
        return 0 if found["used"] else int(found["quota"]) * _UNITS[found["size"]] // _PACKET_BYTES
    return int(found["count"])


def _own_budget(defined: Mapping[str, str], name: str) -> int | None:
    """What each element of a set bears, or an object, as its definition says; None where it has no such statement."""
    text = defined.get(name, "")
    if not text:
        return None
    found = _budget_in(text)
    if found is None and (said := " ".join(text.split())).startswith(("rate ", "over ", "until ")):
        found = _budget_in(f"limit {said}" if said.startswith("rate ") else f"quota {said}")
    return _budget_in(f"quota {' '.join(text.split())}") if found is None and text.split()[:1][0].isdecimal() else found


def _size(definition: str, element: str) -> int:
    """How many elements a set has room for, where it is made for few: nft_dynset.c, a full set ends the rule.

    More than a sweep sends is as good as any.
    """
    sizes = [int(size) for size in re.findall(r"(?<!\w)size (\d+)", definition + element)]
    return min((size for size in sizes if size < 65_535), default=BOUNDLESS)
