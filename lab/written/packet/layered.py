"""What a written packet is about: its family, protocol and ports, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lab.written.cell import FAMILIES, Service
from lab.written.icmp_types import ICMP_TYPES, ICMPV6_TYPES
from lab.written.packet.layers import LAYERS
from lab.written.packet.parse import Written, parse
from lab.written.packet.room import check_ends, check_options, check_pieces
from lab.written.packet.values import MOST_BYTES, Layer

MOST_PACKETS = 64  # of one text each, or fragments of one
_HEADROOM = 60  # bytes that a layer's own header may take
_ICMP, _TCP, _UDP, _ICMPV6, _SCTP = 1, 6, 17, 58, 132
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 132: "sctp"}
_WITH_PORTS = (_TCP, _UDP, _SCTP)
_ICMPV6_KINDS = {
    "ICMPv6EchoRequest": 128, "ICMPv6EchoReply": 129, "ICMPv6DestUnreach": 1, "ICMPv6PacketTooBig": 2,
    "ICMPv6TimeExceeded": 3, "ICMPv6ParamProblem": 4,
}  # fmt: skip
# RFC 9293, the lowest bit first; the ninth is the reserved one that was AccECN's NS
_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")
_SYN = 0x02
_SIZES = {"TCP": 20, "UDP": 8, "ICMP": 8, "GRE": 4, "SCTP": 12, "ICMPv6EchoRequest": 8, "ICMPv6EchoReply": 8}  # bytes
_MORE = 1  # IP's flag MF
# of the outermost header, what is told of a packet in its cell's id
_TOLD = (
    "version", "ihl", "tos", "tc", "fl", "len", "plen", "id", "flags", "frag", "ttl", "hlim", "proto", "nh", "chksum",
    "options",
)  # fmt: skip


@dataclass(frozen=True)
class Layered:
    """One packet that is written out by layers, or the fragments of one in the order in which they are sent."""

    texts: tuple[Written, ...]

    @cached_property
    def head(self) -> tuple[Layer, ...]:
        """The layers of the packet, or of the fragment that has its first byte; of the first one where none has."""
        return next((one.layers for one in self.texts if offset_of(one.layers) == 0), self.texts[0].layers)

    @cached_property
    def outer(self) -> Layer | None:
        """The header of IP that is written; None where the lab writes it."""
        return self.head[0] if LAYERS[self.head[0].name].outer else None

    @cached_property
    def families(self) -> tuple[int, ...]:
        """The families that it can be sent in."""
        inner = self._behind[0] if self._behind else None
        of = [LAYERS[layer.name].families for layer in (self.outer, *self._extensions, inner) if layer is not None]
        if self.outer is not None:
            of.append((4,) if self.outer.name == "IP" else (6,))
        return tuple(family for family in FAMILIES if all(family in families for families in of))

    @cached_property
    def _extensions(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.head[:4] if LAYERS[layer.name].extends)

    @cached_property
    def _behind(self) -> tuple[Layer, ...]:
        """The layers behind IP."""
        return tuple(
            layer for place, layer in enumerate(self.head)
            if not (place == 0 and LAYERS[layer.name].outer) and not LAYERS[layer.name].extends
        )  # fmt: skip

    @property
    def transport(self) -> Layer | None:
        """The layer behind IP; None where there are bytes alone."""
        return self._behind[0] if self._behind and LAYERS[self._behind[0].name].number is not None else None

    @cached_property
    def proto(self) -> int | None:
        """The number of its protocol; None where nothing says it."""
        said = [layer.get("nh" if layer.name != "IP" else "proto") for layer in (*self._extensions[::-1], self.outer) if layer]
        if (number := next((one for one in said if isinstance(one, int)), None)) is not None:
            return number
        return LAYERS[self.transport.name].number if self.transport is not None else None

    @property
    def source(self) -> str | None:
        """The address that it says it is from."""
        said = self.outer.get("src") if self.outer is not None else None
        return said if isinstance(said, str) else None

    @property
    def sport(self) -> int | None:
        """The source port that it says."""
        return _number(self.transport, "sport")

    @property
    def dport(self) -> int | None:
        """The destination port that it says."""
        return _number(self.transport, "dport")

    @property
    def has_ports(self) -> bool:
        """Whether its protocol has ports, and its header is written."""
        return self.proto in _WITH_PORTS and self.transport is not None

    @property
    def fragmented(self) -> bool:
        """Whether it goes in several pieces, or is one of some."""
        return len(self.texts) > 1 or self.texts[0].fragsize is not None or _is_fragment(self.texts[0].layers)

    @property
    def flags(self) -> int:
        """The flags of its TCP header; those of a SYN where it says none."""
        return _number(self.transport, "flags", _SYN) or 0

    @property
    def exact(self) -> bool:
        """Whether it says its own length, or is made of chunks: then nothing is added to it."""
        names = {"IP": ("len", "ihl"), "IPv6": ("plen",), "UDP": ("len",), "TCP": ("dataofs",)}
        lengths = any(layer.says(name) for layer in self.head for name in names.get(layer.name, ()))
        return lengths or any(LAYERS[layer.name].part for layer in self.head)

    @property
    def malformed(self) -> bool:
        """Whether it says a length, a version or a checksum, which may then be wrong."""
        named = ("version", "ihl", "len", "plen", "dataofs", "chksum", "cksum")
        return any(layer.says(name) for one in self.texts for layer in one.layers for name in named)

    @property
    def holds_data(self) -> bool:
        """Whether it says its data."""
        return any(layer.name == "Raw" or layer.says(LAYERS[layer.name].holds or "") for layer in self.head)

    @property
    def flaw(self) -> str | None:
        """Why no kernel puts its fragments together; None where one would, or it has none."""
        if not self.fragmented or self.texts[0].fragsize is not None:
            return None
        pieces = sorted((offset_of(one.layers) * 8, *_load(one.layers)) for one in self.texts)
        at, ended = 0, False
        for start, length, more in pieces:
            if start < at:
                return "its fragments overlap"
            if start > at:
                return "its fragments leave a gap"
            at, ended = start + length, not more
        return None if ended else "its last fragment is not among them"

    def service(self) -> Service:
        """The service of which it is a packet, if it says so itself."""
        number = self.proto
        assert number is not None
        name = _PROTOCOLS.get(number, f"proto/{number}")
        if self.has_ports:
            assert self.dport is not None
            return Service(f"{name}/{self.dport}", name, ((self.dport, self.dport),))
        if number in (_ICMP, _ICMPV6) and self.transport is not None and self.transport.name.startswith("ICMP"):
            kind, code = self.icmp
            words = ICMP_TYPES if number == _ICMP else ICMPV6_TYPES
            word = next((word for word, known in words.items() if known == (kind, code)), f"{kind}.{code}")
            return Service(f"{name}/{word}", name, (), kind, code)
        return Service(name, name)

    @property
    def icmp(self) -> tuple[int, int]:
        """Type and code of a message of ICMP or ICMPv6."""
        layer = self.transport
        assert layer is not None
        kind = _ICMPV6_KINDS.get(layer.name, _number(layer, "type", 8 if layer.name == "ICMP" else 1))
        return kind or 0, _number(layer, "code", 0) or 0

    @property
    def words(self) -> str:
        """What it is besides a packet of its service, in short: ``fin,psh,urg ttl 1``; may be empty."""
        found = [self.named_flags.lower()] if self.transport is not None and self.transport.name == "TCP" else []
        if self.outer is not None:
            found += [_told(self.outer, field) for field in _TOLD if self.outer.says(field)]
        if self.transport is not None and self.transport.says("options"):
            found.append("tcp-options")
        found += [f"bad {name}" for name in ("chksum", "cksum") if self.transport is not None and self.transport.says(name)]
        found += [layer.name for layer in (*self._extensions, *self._behind[1:]) if layer.name != "Raw"]
        if self.fragmented and not (self.outer is not None and len(self.texts) == 1 and self.texts[0].fragsize is None):
            found.append("in fragments" if self.texts[0].fragsize else f"in {len(self.texts)} fragments")
        return " ".join(found)

    @property
    def named_flags(self) -> str:
        """Its TCP flags, as iptables writes them; NULL where there are none."""
        return ",".join(name.upper() for bit, name in enumerate(_FLAGS) if self.flags >> bit & 1) or "NULL"

    @property
    def name(self) -> str:
        """What a verdict calls it: ``segment FIN,PSH,URG``, ``GRE packet``, ``SYN``."""
        number, fragment = self.proto or 0, "fragmented " if self.fragmented else ""
        if number == _TCP and self.transport is not None:
            return fragment + ("SYN" if self.flags == _SYN else f"segment {self.named_flags}")
        if number == _UDP:
            return f"{fragment}datagram"
        if number in (_ICMP, _ICMPV6) and self.transport is not None:
            kind, code = self.icmp
            if (number, kind) in ((_ICMP, 8), (_ICMPV6, 128)):
                return f"{fragment}echo-request"
            return f"{fragment}{_PROTOCOLS[number]} message of type {kind} code {code}"
        return f"{fragment}{_PROTOCOLS[number].upper() if number in _PROTOCOLS else f'protocol-{number}'} packet"


def layered(value: object) -> Layered:
    """The packet of what stands behind ``packet``; raises ValueError."""
    texts = value if isinstance(value, (list, tuple)) else (value,)
    if isinstance(value, Layered):
        return value
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("a packet is text: packet: 'TCP(flags=\"FPU\", dport=22)', or a list of its fragments")
    if len(texts) > MOST_PACKETS:
        raise ValueError(f"{len(texts)} packets are more than {MOST_PACKETS}")
    made = Layered(tuple(map(parse, texts)))
    for one in made.texts:
        _check(one.layers)
    if len(texts) > 1:
        _check_fragments(made)
    if made.proto is None:
        raise ValueError("nothing says which protocol it is\nwrite IP(proto=NUMBER), or a layer like TCP() behind it")
    if made.proto == 0:
        raise ValueError("no kernel sends protocol 0 for anybody (raw(7))\nwrite another number, or a layer like TCP()")
    if (size := made.texts[0].fragsize) is not None:
        _check_cut(made, size)
    if made.fragmented:
        check_ends([(offset_of(one.layers) * 8, _load(one.layers)[0]) for one in made.texts])
    if not made.families:
        raise ValueError(f"{' and '.join(dict.fromkeys(layer.name for layer in made.head))} have no family in common")
    return made


def _check(layers: Sequence[Layer]) -> None:
    size = 0
    for place, layer in enumerate(layers):
        check_options(layer)
        spec = LAYERS[layer.name]
        before = layers[place - 1] if place else None
        if before is None and (spec.part or (spec.closed and spec.number is None)):
            raise ValueError(f"a packet cannot begin with {layer.name}\nwrite IP(proto=NUMBER)/{layer.name}(…)")
        if spec.extends and not (before is None or before.name == "IPv6" or LAYERS[before.name].extends):
            raise ValueError(f"{layer.name} stands behind IPv6, and {before.name} is before it")
        if before is not None and LAYERS[before.name].closed:
            raise ValueError(f"nothing can stand behind {before.name}")
        if before is not None and LAYERS[before.name].holds and not LAYERS[before.name].part:
            raise ValueError(f"nothing can stand behind {before.name}: it has {LAYERS[before.name].holds}=…")
        if spec.part and before is not None and before.name != "SCTP" and not LAYERS[before.name].part:
            raise ValueError(f"{layer.name} stands behind SCTP, and {before.name} is before it")
        size += _HEADROOM + sum(len(value) for _, value in layer.fields if isinstance(value, bytes))
    if size > MOST_BYTES:
        raise ValueError(f"a packet of {size:,} bytes is longer than {MOST_BYTES:,}")
    if LAYERS[layers[0].name].outer and layers[0].says("dst"):
        raise ValueError(f"{layers[0].name}(dst=…): where it goes to is the row's `to`")


def _check_cut(made: Layered, size: int) -> None:
    """Whether the lab can cut the packet: what says a length or a version of its own, or is a fragment, is cut by hand."""
    if made.exact or (made.outer is not None and made.outer.says("version")) or _is_fragment(made.texts[0].layers):
        said = "what says its own length or version, or is a fragment, is fragmented by hand"
        raise ValueError(f'{said}: a list of IP(id=…, frag=…, flags="MF")/…')
    check_pieces(_load(made.texts[0].layers)[0], size, MOST_PACKETS)


def _check_fragments(made: Layered) -> None:
    """Several packets are the fragments of one: what is to be sent one after the other is steps."""
    for one in made.texts:
        if one.fragsize is not None or not _is_fragment(one.layers):
            raise ValueError(
                f"several packets are the fragments of one, and {one.text[:60]} is none\n"
                'write IP(frag=…, flags="MF")/… or IPv6()/IPv6ExtHdrFragment(offset=…, m=1)/…; other packets are `steps`'
            )
    if len({one.layers[0].name for one in made.texts}) > 1:
        raise ValueError("the fragments are of two families")


def _is_fragment(layers: Sequence[Layer]) -> bool:
    first = layers[0]
    if first.name == "IP":
        return bool(_number(first, "frag")) or bool((_number(first, "flags") or 0) & _MORE)
    return any(layer.name == "IPv6ExtHdrFragment" for layer in layers)


def offset_of(layers: Sequence[Layer]) -> int:
    """Where the bytes of a fragment belong, in units of eight bytes; 0 of what is none."""
    if layers[0].name == "IP":
        return _number(layers[0], "frag") or 0
    return next((_number(layer, "offset") or 0 for layer in layers if layer.name == "IPv6ExtHdrFragment"), 0)


def _load(layers: Sequence[Layer]) -> tuple[int, bool]:
    """How many bytes a fragment carries, and whether more are to follow; a nonce at the end of the last is not counted."""
    behind = [layer for layer in layers[1:] if not LAYERS[layer.name].extends]
    held = [value for layer in behind for _, value in layer.fields if isinstance(value, bytes)]
    size = sum(map(len, held)) + sum(_SIZES.get(layer.name, 0) for layer in behind)
    first = layers[0]
    if first.name == "IP":
        return size, bool((_number(first, "flags") or 0) & _MORE)
    return size, any(_number(layer, "m") for layer in layers if layer.name == "IPv6ExtHdrFragment")


def _number(layer: Layer | None, field: str, default: int | None = None) -> int | None:
    value = layer.get(field) if layer is not None else None
    return value if isinstance(value, int) else default


def _told(layer: Layer, field: str) -> str:
    value = layer.get(field)
    if field == "flags" and isinstance(value, int):
        return "+".join(name for bit, name in enumerate(("MF", "DF", "evil")) if value >> bit & 1)
    if field == "options":
        assert isinstance(value, tuple)
        return ",".join(option.name for option in value if isinstance(option, Layer))
    return f"{field} {value!r}"
