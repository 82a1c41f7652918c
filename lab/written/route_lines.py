"""Routes in the words of ``ip route``: as one writes them, and word for word as it prints them.

Words that change nothing of where a packet goes (``proto``, ``expires``, …) are read and left aside.  The forms are those of
iproute2's ip/iproute.c (print_route).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network

from lab.written.line_words import FAMILIES, Line, Words, lines_of
from lab.written.routing import TABLES, Hop, Route, RouteKind
from lab.written.words import Address, Network, is_address

_FORM = (
    "[KIND] DESTINATION [via ADDRESS] [dev INTERFACE] [table N] [metric N] [src ADDRESS] [onlink]"
    " [nexthop via ADDRESS dev INTERFACE weight N …], as `ip route` prints it"
)
_KINDS: tuple[RouteKind, ...] = (
    "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw",
)  # fmt: skip
_NOWHERE = ("blackhole", "unreachable", "prohibit", "throw")
_OF_TABLE_LOCAL = ("local", "broadcast", "anycast")
_SCOPES = {"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
_METRICS = {  # numbers of linux/rtnetlink.h, RTAX_
    "mtu": 2, "window": 3, "ssthresh": 6, "cwnd": 7, "advmss": 8, "reordering": 9, "hoplimit": 10, "initcwnd": 11,
    "initrwnd": 14, "quickack": 15,
}  # fmt: skip
_LOCK, _FEATURES, _ECN = 1, 12, 1
_ALIASES = {"priority": "metric", "preference": "metric", "dsfield": "tos", "realms": "realm", "protocol": "proto"}
_ASIDE = ("proto", "expires", "error", "nhid", "rtt", "rttvar", "rto_min", "congctl", "users", "age", "ttl-propagate")
_MOST_HOPS = 256
_BY_KERNEL = ("kernel", "none", "unspec")  # the last two of table local, by kernels before 4.17
_FLAGS = ("onlink", "linkdown", "pervasive", "offload", "rt_offload", "trap", "rt_trap", "notify", "cache")


@dataclass(slots=True)
class _Draft:
    """A route while its line is being read."""

    via: Address | None = None
    dev: str | None = None
    weight: int = 1
    onlink: bool = False
    hops: list[Hop] = field(default_factory=list)
    metrics: dict[int, int] = field(default_factory=dict)
    table: int | None = None
    metric: int | None = None
    src: Address | None = None
    source: Network | None = None
    scope: int | None = None
    tos: int = 0
    realm: int | None = None
    by_kernel: bool = False
    six: bool = False
    foreign: bool = False  # its gateway's family is named, as it is where that is not its own

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Those that are of the route's own family; a gateway may be of another."""
        return tuple(one for one in (self.src, self.source and self.source.network_address) if one)


def parse_routes(value: object) -> tuple[Route, ...]:
    """The routes of one item, which may be what ``ip route`` printed, line by line; ValueError with the first that is wrong."""
    return (value,) if isinstance(value, Route) else tuple(_route(line) for line in lines_of(value, "route"))


def _route(line: Line) -> Route:
    words = Words(line.text, line.text.split(), _FORM)
    family = line.family
    if words.next in ("-4", "-6"):
        family = FAMILIES[words.take()]
    kind: RouteKind = next((one for one in _KINDS if one == words.next), "unicast")
    if words.next == kind:
        words.take()
    if not words:
        raise ValueError(f"{line.text!r} has no destination; a route is written {_FORM}")
    word = words.take()
    draft = _Draft(six=family == 6)
    while words:
        _word(words, draft)
    if draft.table is None and line.table is not None:
        draft.table = words.table(line.table)
    destination, family_open = _destination(words, word, draft, family)
    route = Route(
        text=line.text, destination=destination, via=draft.via, dev=draft.dev,
        table=TABLES["local"] if draft.table is None and kind in _OF_TABLE_LOCAL else draft.table,
        kind=kind, metric=draft.metric, src=draft.src, source=draft.source, scope=draft.scope, tos=draft.tos,
        realm=draft.realm, onlink=draft.onlink, hops=tuple(draft.hops), metrics=tuple(sorted(draft.metrics.items())),
        by_kernel=draft.by_kernel, family_open=family_open,
    )  # fmt: skip
    _check(words, route, foreign=draft.foreign)
    return route


def _word(words: Words, draft: _Draft) -> None:
    """Read the next word and what belongs to it."""
    word = words.take()
    meaning = _ALIASES.get(word, word)
    if meaning == "nexthop":
        hop, foreign = _hop(words)
        draft.hops.append(hop)
        if len(draft.hops) > _MOST_HOPS:
            raise words.wrong(f"more than {_MOST_HOPS} ways")
        draft.foreign = draft.foreign or foreign
    elif meaning in ("dead", "unresolved"):
        raise words.wrong(f"{word!r}: the kernel used this route no more when it was printed\nleave the line out")
    elif meaning in _FLAGS:
        draft.onlink = draft.onlink or meaning == "onlink"
    elif meaning in _METRICS:
        words.once(meaning, word)
        _metric(words, meaning, draft)
    elif meaning == "features":
        feature = words.after(word)
        if feature != "ecn":
            raise words.wrong(f"the feature {feature!r} is not known here; there is ecn")
        draft.metrics[_FEATURES] = _ECN
    elif meaning == "weight":
        raise words.unknown(word)
    else:
        words.once(meaning, word)
        _field(words, meaning, word, draft)


def _field(words: Words, meaning: str, word: str, draft: _Draft) -> None:  # noqa: C901 - one turn for each word
    following = words.after(word) if meaning in _TAKES else ""
    match meaning:
        case "via":
            draft.foreign = draft.foreign or following in FAMILIES
            draft.via = _gateway(words, following)
        case "dev":
            draft.dev = following
        case "table":
            draft.table = 0 if following == "unspec" else words.table(following)
        case "metric":
            draft.metric = words.number("metric", following)
        case "src":
            draft.src = words.address(following)
        case "from":
            draft.source = None if following in ("default", "all") else words.prefix(following)
        case "scope":
            draft.scope = _SCOPES[following] if following in _SCOPES else words.number("scope", following, 255)
        case "tos":
            draft.tos = words.number("tos", following, 255)
        case "realm":
            draft.realm = words.realm(following)
        case "weight":
            draft.weight = words.number("weight", following, 256)
        case "pref":
            draft.six = True  # only IPv6 routes have one
        case "proto":
            draft.by_kernel = following in _BY_KERNEL
        case _ if meaning not in _ASIDE:
            raise words.unknown(word)


_TAKES = ("via", "dev", "table", "metric", "src", "from", "scope", "tos", "realm", "weight", "pref", *_ASIDE)


def _metric(words: Words, meaning: str, draft: _Draft) -> None:
    following = words.after(meaning)
    number = _METRICS[meaning]
    if following == "lock":
        draft.metrics[_LOCK] = draft.metrics.get(_LOCK, 0) | 1 << number
        following = words.after("lock")
    draft.metrics[number] = words.number(meaning, following)


def _hop(words: Words) -> tuple[Hop, bool]:
    """What stands behind ``nexthop``, as far as its words go, and whether its gateway's family is named."""
    draft = _Draft()
    one = Words(words.text, (), _FORM)
    while words and words.next in ("via", "dev", "weight", *_FLAGS, "dead"):
        word = words.take()
        if word == "dead":
            raise words.wrong("'dead': the kernel used this way no more when it was printed\nleave it out")
        if word in _FLAGS:
            draft.onlink = draft.onlink or word == "onlink"
            continue
        one.once(word, word)
        _field(words, word, word, draft)
    if draft.via is None and draft.dev is None:
        raise words.wrong("a nexthop leads nowhere: say `via ADDRESS` or `dev INTERFACE`")
    if not 1 <= draft.weight <= 256:
        raise words.wrong(f"weight {draft.weight} is not between 1 and 256")
    return Hop(draft.via, draft.dev, draft.weight, draft.onlink), draft.foreign


def _gateway(words: Words, word: str) -> Address:
    if word not in ("inet", "inet6"):
        return words.address(word)
    address = words.address(words.after(word))
    if address.version != FAMILIES[word]:
        raise words.wrong(f"{address} is not of {word}")
    return address


def _destination(words: Words, word: str, draft: _Draft, family: int | None) -> tuple[Network, bool]:
    """The prefix that a route is for, and whether its family is open: the word ``default`` alone does not tell it."""
    if word not in ("default", "any", "all"):
        if is_address(word) or "/" in word:
            destination = words.prefix(word)
            if family is not None and destination.version != family:
                raise words.wrong(f"{word} is not of IPv{family}, which is said of this line")
            return destination, False
        raise words.wrong(f"{word!r} is not an IPv4 or IPv6 network like 10.0.1.0/24")
    told = [6] if draft.six else [one.version for one in draft.addresses]
    gateways = [one.via.version for one in (*draft.hops, Hop(draft.via)) if one.via is not None]
    found = family or next(iter((*told, *([4] if draft.foreign else gateways))), None)
    return ip_network("::/0" if found == 6 else "0.0.0.0/0"), found is None


def _check(words: Words, route: Route, *, foreign: bool) -> None:
    if route.kind in _NOWHERE:
        if route.via or route.hops or route.dev not in (None, "lo"):
            raise words.wrong(f"a {route.kind} route leads nowhere, so it has no via and no dev")
    elif not route.ways:
        raise ValueError(f"{words.text!r} leads nowhere: say `via ADDRESS` or `dev INTERFACE`")
    if route.hops and (route.via or route.dev):
        raise words.wrong("a route with nexthop has no via and no dev besides")
    if route.table == 0 and not route.by_kernel:
        raise words.wrong("table 0 is none")
    given = (*(hop.via for hop in route.ways), route.src)
    if route.family == 6 and any(one is not None and one.version == 4 for one in given):
        raise words.wrong("mixes IPv4 and IPv6")
    # only an IPv4 route may have a gateway of the other family, which is then named
    if route.family == 4 and any(one is not None and one.version == 6 for one in (given[-1:] if foreign else given)):
        raise words.wrong("mixes IPv4 and IPv6")
    if route.source is not None and (route.source.version == 4 or route.family == 4):
        raise words.wrong("`from` is a word of IPv6 routes; for IPv4 write a rule with it")
