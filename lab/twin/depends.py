"""What rules of a host depend on that no dump of it holds: told with every answer that its twin gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.record.host import Host
from lab.twin.rule_lines import RuleLine, interfaces_in, rule_lines
from lab.twin.writers import WRITERS

_WORD = r"(?<![\w-])"


@dataclass(frozen=True, slots=True)
class _Thing:
    """Something of a host: its ``name`` in a snapshot, what rules that depend on it do, and what follows for the twin."""

    name: str
    iptables: str
    nft: str
    they: str
    here: str
    looked_for: bool = True

    def asked_by(self, line: RuleLine) -> bool:
        """Whether the rule depends on it."""
        return re.search(_WORD + f"(?:{self.nft if line.kind == 'nft' else self.iptables})", line.text) is not None


_THINGS = (
    _Thing("xfrm policies", r"-m policy\b", r"(?:meta )?(?:ipsec|secpath) ", "ask whether a packet came or goes by IPsec",
           "in the twin none does"),
    _Thing("bridge ports", r"-m physdev\b", r"(?:meta )?(?:ibrname|obrname|ibrport|obrport|ibridgename|obridgename) ",
           "ask by which port of a bridge a packet goes", "what is behind which port is the twin's guess"),
    _Thing("conntrack helpers", r"-m helper\b|-j CT .*--helper\b", r"ct helper ", "name a conntrack helper",
           "in the twin no flow has another"),
    _Thing("flowtables", r"-j FLOWOFFLOAD\b", r"flow (?:add|offload) @", "let flows pass the rules by (flowtable)",
           "in the twin a flow is asked before it is in there"),
    _Thing("queues", r"-[jg] (?:NFQUEUE|QUEUE)\b", r"queue(?: num| to| flags|\s*$)", "leave the decision to a program (queue)",
           "how it decides is not known"),
    _Thing("recent lists", r"-m recent\b.* --(?:rcheck|update)\b", r"(?!)", "read lists of addresses (recent)",
           "in the twin they begin empty"),
    _Thing("ipvs services", r"-m ipvs\b", r"(?!)", "ask for services of IPVS", "in the twin there is none"),
    _Thing("processes", r"-m (?:owner|cgroup)\b", r"(?:meta (?:skuid|skgid|cgroup)|socket cgroupv2) ",
           "ask which process a packet is of", "in the twin the lab sends", looked_for=False),
)  # fmt: skip
_ASKS_MARK = re.compile(_WORD + r"(?:-m mark --mark|-m mark ! --mark|(?:meta )?mark (?!set\b))")
_SETS_MARK = re.compile(_WORD + r"(?:-j (?:MARK|CONNMARK|HMARK)|(?:meta )?mark set)\b")
_CONTAINERS = re.compile(r"(?:docker|br-[0-9a-f]{12}|veth|cali|cni|flannel|lxc|lxdbr|incusbr|virbr|vnet|podman|cbr|kube)")
_WIREGUARD = re.compile(r"wg[\d-]")


def depends(host: Host) -> tuple[str, ...]:
    """A sentence for each thing that was not captured and a rule depends on; none where no rule does.

    Of a snapshot what is not listed was looked for: there is none, and the twin has none either.
    """
    lines = tuple(rule_lines(host))
    found = [sentence for thing in _THINGS if (sentence := _of_thing(host, thing, lines)) is not None]
    for of_interfaces in (_wireguard, _vrf, _containers):
        found += of_interfaces(host, lines)
    return (*found, *_marks(host, lines), *_earlier(host), *_unit_order(host, lines))


def _seen(host: Host, name: str) -> str | None:
    """What the snapshot saw of it; "" where nobody looked, None where there is none."""
    listed = next((one.partition(": ")[2] for one in host.not_captured if one.startswith(f"{name}: ")), None)
    return listed if listed is not None else None if host.is_snapshot else ""


def _of_thing(host: Host, thing: _Thing, lines: tuple[RuleLine, ...]) -> str | None:
    seen = _seen(host, thing.name) if thing.looked_for else ""
    if seen is None or not (asking := [line for line in lines if thing.asked_by(line)]):
        return None
    return f"{_told(asking, thing.they)}; {_of(thing.name, seen)}, and {thing.here}"


def _of(name: str, seen: str) -> str:
    return f"{name} are not captured ({seen} on the host)" if seen else f"{name} are not captured"


def _told(lines: list[RuleLine], they: str) -> str:
    """``3 rules ask …``, and where the first of them is."""
    if len(lines) == 1:
        first, _, rest = they.partition(" ")
        return f"1 rule {first}s {rest} ({lines[0].where})"
    return f"{len(lines)} rules {they} (the first: {lines[0].where})"


def _naming(lines: tuple[RuleLine, ...], which: Callable[[str], bool]) -> tuple[list[RuleLine], list[str]]:
    """The rules that name such an interface, and these interfaces."""
    found = [(line, names) for line in lines if (names := [name for name in interfaces_in(line) if which(name)])]
    return [line for line, _ in found], sorted({name for _, names in found for name in names})


def _wireguard(host: Host, lines: tuple[RuleLine, ...]) -> Iterator[str]:
    kinds = {link.name: link.kind for link in host.links}
    asking, names = _naming(lines, lambda name: kinds.get(name) == "wireguard" or (
        kinds.get(name) is None and not host.is_snapshot and _WIREGUARD.match(name) is not None))  # fmt: skip
    if asking:
        yield (
            f"{_told(asking, f'name {_and(names)}')}; wireguard peers are not captured: which addresses come and go by"
            " it (AllowedIPs) is not known"
        )


def _vrf(host: Host, lines: tuple[RuleLine, ...]) -> Iterator[str]:
    vrfs = {link.name for link in host.links if link.kind == "vrf"}
    inside = {link.name for link in host.links if link.master in vrfs}
    asking, names = _naming(lines, lambda name: name in vrfs | inside)
    if asking:
        yield f"{_told(asking, f'name {_and(names)}')}; a VRF is not captured, and in the twin every interface is in one table"


def _containers(host: Host, lines: tuple[RuleLine, ...]) -> Iterator[str]:
    asking, names = _naming(lines, lambda name: _CONTAINERS.match(name) is not None)
    seen = _seen(host, "network namespaces")
    if asking and seen is not None:
        yield f"{_told(asking, f'name {_and(names)}')}; {_of('network namespaces', seen)}: what is behind is not known"


def _marks(host: Host, lines: tuple[RuleLine, ...]) -> Iterator[str]:
    """Marks that somebody else than a rule may set."""
    asking = [line for line in lines if _ASKS_MARK.search(line.text)]
    routing = sum(" fwmark " in f" {line} " for _, line in host.rules)
    if not asking and not routing:
        return
    asks = "asks" if routing == 1 else "ask"
    who = _told(asking, "ask for a mark") if asking else f"{routing} of the routing rules {asks} for a mark"
    filters = _seen(host, "tc filters")
    if filters:
        yield f"{who}; {_of('tc filters', filters)}, and may set one"
    elif not any(_SETS_MARK.search(line.text) for line in lines):
        yield f"{who}, and no rule sets one: who does (tc, a program, WireGuard) is not captured"


def _earlier(host: Host) -> Iterator[str]:
    """What sees packets before any rule does."""
    if names := _seen(host, "xdp programs"):
        yield f"packets that enter by {names} meet a program of XDP before every rule, and it is not captured"
    if services := _seen(host, "ipvs services"):
        yield f"{services} services of IPVS take packets that are to the host, and are not captured"


def _unit_order(host: Host, lines: tuple[RuleLine, ...]) -> Iterator[str]:
    """Rules of several that write some when they start: the order after the next start may be another."""
    units = _seen(host, "unit order")
    if not units:
        return
    writers = [
        name for name, prefix in WRITERS.items()
        if name in units and any(re.match(rf"(?:-A|chain) {prefix}", line.text) for line in lines)
    ]
    if len(writers) > 1:
        yield (
            f"{_and(writers)} write rules when they start; the answers hold for the order in which they had started,"
            " and the order of units is not captured"
        )


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
