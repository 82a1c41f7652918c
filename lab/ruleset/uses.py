"""What a rule of iptables remembers, and what it asks of what others wrote, match by match.

The kernel asks the header first (-s -d -i -o -p), then each match in its order in the text, then the target (ipt_do_table();
nf_tables' iptables makes expressions in that order).  A match that is behind another is only come to where that one held.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from lab.ruleset.conditions import Condition, of_iptables
from lab.ruleset.memory import BOUNDLESS, SMALLEST_PACKET, Kind, Use
from lab.ruleset.words import FREE_TEXT, words

PACKET_BYTES = 1500
"""No probe's packet is larger: what is counted in bytes bears at least so many packets."""
_DEFAULT_BURST = 5
_DAY = 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}
_RATE = re.compile(r"(?P<count>\d{1,12})(?P<bytes>|b|kb|mb)/(?P<unit>[smhd])\w*")
_BYTES = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20}
_OF_THE_HEADER = frozenset((
    "-s", "--source", "--src", "-d", "--destination", "--dst", "-p", "--protocol", "--proto", "-i", "--in-interface", "-o",
    "--out-interface",
))  # fmt: skip
_WHOLE = frozenset(("32", "128", "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "none"))
_COUNTERS_OF_A_SET = ("--packets-", "--bytes-")


class _Part(NamedTuple):
    """A match or the target: its name, its options with their values ("" for none), and what held before the kernel came to it.

    ``negated`` are the options behind an exclamation mark; ``last`` tells that the rule matches where this part does.
    """

    name: str
    options: Mapping[str, str]
    negated: Collection[str]
    gates: tuple[Condition, ...]
    last: bool = False

    def number(self, option: str, default: int) -> int:
        """The value of an option; 1 where it is no number, as nothing is known then."""
        value = self.options.get(option)
        return default if value is None else int(value) if value.isdecimal() and len(value) < 20 else 1


def uses_of_iptables(text: str, matches: Collection[str], target: str | None) -> tuple[Use, ...]:
    """The uses of a rule whose ``matches`` and ``target`` are known.

    >>> (use,) = uses_of_iptables("-A INPUT -p tcp -m limit --limit 3/min -j ACCEPT", ["limit"], "ACCEPT")
    >>> use.kind, use.budget, [gate.field for gate in use.gates]
    (<Kind.LIMIT: 'limit'>, 5, ['proto'])
    """
    if _MATCHES.keys().isdisjoint(matches) and target not in _TARGETS:
        return ()
    return tuple(use for part in _parts(text) for use in _read(part))


def _read(part: _Part) -> Iterator[Use]:
    reader = _MATCHES.get(part.name) or _TARGETS.get(part.name)
    if reader is not None:
        yield from reader(part)


def _parts(text: str) -> Iterator[_Part]:
    """The matches and the target of a rule in their order, without those that remember nothing."""
    header, pieces = _pieces(words(text))
    known = [*of_iptables(" ".join(header))]
    last_match = max((place for place, piece in enumerate(pieces) if piece[0] == "-m"), default=-1)
    for place, piece in enumerate(pieces):
        if len(piece) > 1 and (piece[1] in _MATCHES if piece[0] == "-m" else piece[1] in _TARGETS):
            options, negated = _options(piece[2:])
            yield _Part(piece[1], options, negated, tuple(known), place >= last_match)
        known += of_iptables(" ".join(_quoted(word) for word in piece[2:]))


def _pieces(found: list[str]) -> tuple[list[str], list[list[str]]]:
    """The words of the header, wherever they stand, and those of each match and of the target."""
    header: list[str] = []
    pieces: list[list[str]] = []
    rest = iter(found[2:])
    negation: list[str] = []
    for word in rest:
        if word in _OF_THE_HEADER:
            header += [*negation, word, next(rest, "")]
        elif word in ("-m", "--match", "-j", "--jump", "-g", "--goto"):
            pieces.append(["-m" if "m" in word.partition("ju")[0] else "-j", next(rest, "")])
        elif word == "!":
            negation = [word]
            continue
        else:
            # what stands before the first match belongs to the one that its protocol brings along
            if not pieces:
                pieces.append(["-m", ""])
            pieces[-1] += [*negation, word, *([next(rest, "")] if word in FREE_TEXT else [])]
        negation = []
    return header, pieces


def _quoted(word: str) -> str:
    return '""' if not word or any(letter in word for letter in ' \t"\\') else word


def _options(found: list[str]) -> tuple[dict[str, str], frozenset[str]]:
    """Each option with the words behind it, and those that are negated."""
    options: dict[str, str] = {}
    negated: set[str] = set()
    name = ""
    for place, word in enumerate(found):
        if word.startswith("--"):
            name, _, value = word.partition("=")
            options[name] = value
            if place and found[place - 1] == "!":
                negated.add(name)
        elif name and word != "!":
            options[name] = f"{options[name]} {word}".strip()
    return options, frozenset(negated)


def _bucket(rate: str, burst: int) -> int:
    """How many packets a full bucket lets through: its burst, where that takes no more than a day to fill.

    One of more overflows the kernel's credits, and holds fewer (xt_limit.c and xt_hashlimit.c: user2credits()).
    """
    number, _, unit = rate.partition("/")
    seconds = _SECONDS.get(unit[:1], _DAY) / max(1, int(number) if number.isdecimal() else 1)
    return burst if burst * seconds <= _DAY else 1


def _pace(rate: str) -> float:
    """Packets a second, of a rate of packets or of bytes (`512kb/s`); infinite where that is not known."""
    found = _RATE.fullmatch(rate)
    if found is None:
        return math.inf
    count = int(found["count"]) * _BYTES[found["bytes"]] / (SMALLEST_PACKET if found["bytes"] else 1)
    return count / _SECONDS[found["unit"]]


def _limit(part: _Part) -> Iterator[Use]:
    # xt_limit.c: a bucket of `burst` tokens, full when it is made; a packet takes one where there is one
    rate = part.options.get("--limit", "3/hour")
    budget = _bucket(rate, part.number("--limit-burst", _DEFAULT_BURST))
    yield Use(Kind.LIMIT, None, reads=True, writes=True, budget=budget, gates=part.gates, regains=_pace(rate))


def _hashlimit(part: _Part) -> Iterator[Use]:
    """A bucket for each source, destination or port; xt_hashlimit.c: every rule that gives the same name has the same buckets.

    What counts in bytes, or in intervals of its own, is not worked out.
    """
    rates = [part.options.get(f"--hashlimit{which}", "") for which in ("", "-upto", "-above")]
    odd = any(rate.rpartition("/")[0].rstrip("0123456789") for rate in rates) or any(
        f"--hashlimit-rate-{which}" in part.options for which in ("match", "interval")
    )
    by_source = "srcip" in part.options.get("--hashlimit-mode", "").split(",")
    whole = part.options.get("--hashlimit-srcmask", "none") in _WHOLE
    rate = next(filter(None, rates), "")
    budget = 1 if odd else _bucket(rate, part.number("--hashlimit-burst", _DEFAULT_BURST))
    yield Use(
        Kind.HASHLIMIT, part.options.get("--hashlimit-name"), reads=True, writes=True, budget=budget,
        by_source=by_source and whole, gates=part.gates, regains=_pace(rate), fresh_after=_kept(part, rate),
    )  # fmt: skip


def _kept(part: _Part, rate: str) -> float:
    """Seconds that a bucket is kept which nobody asks; libxt_hashlimit.c: by default the time that its rate speaks of."""
    said = part.options.get("--hashlimit-htable-expire")
    if said is not None:
        return part.number("--hashlimit-htable-expire", 1) / 1000
    return _SECONDS.get(rate.partition("/")[2][:1], 1)


def _recent(part: _Part) -> Iterator[Use]:
    """A list of addresses, each with the times at which it was seen.

    xt_recent.c, recent_mt(): `--set` writes a time whenever it is come to.  `--rcheck` and `--update` change nothing where the
    address is not in the list; `--update` writes one where it matched, which takes as many times as its `--hitcount`: more
    than the budget by then.  `--remove` takes out, which leaves the list fresher than is counted.
    """
    name = part.options.get("--name", "DEFAULT")
    by_source = "--rdest" not in part.options and part.options.get("--mask", "none").lower() in _WHOLE
    hits = part.number("--hitcount", 1)
    if "--set" in part.options:
        exact = part.last and "--set" not in part.negated
        yield Use(
            Kind.RECENT, name, reads=False, writes=True, budget=BOUNDLESS, by_source=by_source, gates=part.gates,
            matched_alone=exact,
        )  # fmt: skip
    elif "--rcheck" in part.options or "--update" in part.options:
        writes = "--update" in part.negated
        budget = max(hits - 1, 0)
        seconds = part.number("--seconds", 1) if "--seconds" in part.options else math.inf
        yield Use(
            Kind.RECENT, name, reads=True, writes=writes, budget=budget, by_source=by_source, gates=part.gates,
            fresh_after=seconds,
        )  # fmt: skip
    else:
        unread = "--remove" not in part.options
        yield Use(Kind.RECENT, name, reads=True, writes=unread, budget=0, by_source=by_source, gates=part.gates)


def _connlimit(part: _Part) -> Iterator[Use]:
    """A list of flows; nf_conncount.c takes out those that conntrack forgot, but not twice in one jiffy."""
    limit = next((part.number(name, 1) for name in ("--connlimit-above", "--connlimit-upto") if name in part.options), 1)
    by_source = "--connlimit-daddr" not in part.options and part.options.get("--connlimit-mask", "32") in _WHOLE
    yield Use(Kind.COUNT, None, reads=True, writes=True, budget=limit, by_source=by_source, gates=part.gates)


def _quota(part: _Part) -> Iterator[Use]:
    # xt_quota.c: a packet that is larger than what is left empties it
    budget = part.number("--quota", 0) // PACKET_BYTES
    yield Use(Kind.QUOTA, None, reads=True, writes=True, budget=budget, gates=part.gates)


def _statistic(part: _Part) -> Iterator[Use]:
    # xt_statistic.c: in the mode nth a counter; chance remembers nothing
    if part.options.get("--mode") != "random":
        yield Use(Kind.NTH, None, reads=True, writes=True, budget=1, gates=part.gates)


def _other(part: _Part) -> Iterator[Use]:
    name = next((part.options[one] for one in ("--rateest", "--rateest1") if one in part.options), "*")
    yield Use(Kind.OTHER, f"{part.name} {name}", reads=True, writes=False, budget=0, gates=part.gates)
    if "--rateest2" in part.options:
        other = f"{part.name} {part.options['--rateest2']}"
        yield Use(Kind.OTHER, other, reads=True, writes=False, budget=0, gates=part.gates)


def _set_match(part: _Part) -> Iterator[Use]:
    # a set with counters counts what is asked of it (ip_set_match_counter()), and may be asked for that count
    counts = any(option.startswith(_COUNTERS_OF_A_SET) for option in part.options)
    yield Use(Kind.SET, _first(part.options.get("--match-set", "")), reads=True, writes=counts, budget=0, gates=part.gates)


def _set_target(part: _Part) -> Iterator[Use]:
    for option in ("--add-set", "--del-set", "--map-set"):
        if option in part.options:
            name, reads = _first(part.options[option]), option == "--map-set"
            yield Use(Kind.SET, name, reads, not reads, 0 if reads else BOUNDLESS, gates=part.gates, matched_alone=True)


def _rateest_target(part: _Part) -> Iterator[Use]:
    name = f"rateest {part.options.get('--rateest-name', '*')}"
    yield Use(Kind.OTHER, name, reads=False, writes=True, budget=BOUNDLESS, gates=part.gates, matched_alone=True)


def _first(found: str) -> str:
    return found.partition(" ")[0]


_Reader = Callable[[_Part], Iterator[Use]]
_MATCHES: dict[str, _Reader] = {
    "limit": _limit, "hashlimit": _hashlimit, "recent": _recent, "connlimit": _connlimit, "quota": _quota,
    "statistic": _statistic, "rateest": _other, "set": _set_match,
}  # fmt: skip
_TARGETS: dict[str, _Reader] = {"SET": _set_target, "RATEEST": _rateest_target}
