"""The layers that a packet may be written of, with the fields of each, by the names that scapy has for them.

A test holds that scapy has every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.written.icmp_types import ICMP_TYPES
from lab.written.packet.values import Address, Choice, Data, Flags, Kind, Number, Numbers, Pair, Several

TCP_FLAGS = "FSRPAUEC"
_IP_OPTIONS = (
    "IPOption_RR", "IPOption_LSRR", "IPOption_SSRR", "IPOption_Router_Alert", "IPOption_NOP", "IPOption_EOL", "IPOption",
)  # fmt: skip
_TCP_OPTIONS: Mapping[str, Kind | None] = {
    "EOL": None, "NOP": None, "SAckOK": None, "MSS": Number(16), "WScale": Number(8), "SAck": Numbers(None, 32),
    "Timestamp": Numbers(2, 32),
}  # fmt: skip
# scapy's words for types beside those that iptables has
_ICMP_WORDS = {
    **{word: kind for word, (kind, code) in ICMP_TYPES.items() if code in (None, 0) and word != "network-unreachable"},
    "dest-unreach": 3,
}
_ROUTES = Several(Address(4), 9)


@dataclass(frozen=True, slots=True)
class Spec:
    """A layer: its ``fields``, the ``number`` of its protocol in IP (None of what is none), and ``families`` that carry it.

    ``module`` is where scapy has it.  ``positional`` is the field that may be written without its name.  ``holds`` is the field
    that takes data, where it is not the layer behind it that does; ``closed`` tells that nothing may stand behind.  ``outer``
    is a header of IP, ``extends`` one that stands between it and the protocol, ``part`` is a chunk of SCTP.
    """

    fields: Mapping[str, Kind]
    number: int | None = None
    families: tuple[int, ...] = (4, 6)
    module: str = "scapy.layers.inet"
    positional: str | None = None
    holds: str | None = None
    closed: bool = False
    outer: bool = False
    extends: bool = False
    part: bool = False


_ECHO: Mapping[str, Kind] = {"code": Number(8), "cksum": Number(16), "id": Number(16), "seq": Number(16), "data": Data()}
_INET6 = "scapy.layers.inet6"
_SCTP = "scapy.layers.sctp"
_CHUNK: Mapping[str, Kind] = {"flags": Number(8), "len": Number(16)}

LAYERS: Mapping[str, Spec] = {
    "IP": Spec(
        {
            "version": Number(4), "ihl": Number(4), "tos": Number(8), "len": Number(16), "id": Number(16),
            "flags": Flags(("MF", "DF", "evil"), "+"), "frag": Number(13), "ttl": Number(8), "proto": Number(8),
            "chksum": Number(16), "src": Address(4), "dst": Address(4), "options": Several(Choice(_IP_OPTIONS), 10),
        },
        4, (4,), outer=True,
    ),
    "IPv6": Spec(
        {
            "version": Number(4), "tc": Number(8), "fl": Number(20), "plen": Number(16), "nh": Number(8), "hlim": Number(8),
            "src": Address(6), "dst": Address(6),
        },
        41, (6,), _INET6, outer=True,
    ),
    "IPv6ExtHdrFragment": Spec(
        {"nh": Number(8), "res1": Number(8), "offset": Number(13), "res2": Number(2), "m": Number(1), "id": Number(32)},
        44, extends=True, families=(6,), module=_INET6,
    ),
    "IPv6ExtHdrHopByHop": Spec({"nh": Number(8)}, 0, extends=True, families=(6,), module=_INET6),
    "IPv6ExtHdrDestOpt": Spec({"nh": Number(8)}, 60, extends=True, families=(6,), module=_INET6),
    "IPv6ExtHdrRouting": Spec(
        {"nh": Number(8), "type": Number(8), "segleft": Number(8), "addresses": Several(Address(6), 8)},
        43, extends=True, families=(6,), module=_INET6,
    ),
    "TCP": Spec(
        {
            "sport": Number(16), "dport": Number(16), "seq": Number(32), "ack": Number(32), "dataofs": Number(4),
            "reserved": Number(3), "flags": Flags(TCP_FLAGS + "N"), "window": Number(16), "chksum": Number(16),
            "urgptr": Number(16), "options": Several(Pair(_TCP_OPTIONS), 20),
        },
        6,
    ),
    "UDP": Spec({"sport": Number(16), "dport": Number(16), "len": Number(16), "chksum": Number(16)}, 17),
    "ICMP": Spec(
        {
            "type": Number(8, _ICMP_WORDS), "code": Number(8), "chksum": Number(16), "id": Number(16), "seq": Number(16),
            "gw": Address(4), "nexthopmtu": Number(16), "ptr": Number(8),
        },
        1, (4,),
    ),
    "ICMPv6EchoRequest": Spec(_ECHO, 58, (6,), _INET6, holds="data"),
    "ICMPv6EchoReply": Spec(_ECHO, 58, (6,), _INET6, holds="data"),
    "ICMPv6DestUnreach": Spec({"code": Number(8), "cksum": Number(16)}, 58, (6,), _INET6),
    "ICMPv6PacketTooBig": Spec(
        {"code": Number(8), "cksum": Number(16), "mtu": Number(32)}, 58, (6,), _INET6
    ),
    "ICMPv6TimeExceeded": Spec({"code": Number(8), "cksum": Number(16)}, 58, (6,), _INET6),
    "ICMPv6ParamProblem": Spec(
        {"code": Number(8), "cksum": Number(16), "ptr": Number(32)}, 58, (6,), _INET6
    ),
    "ICMPv6Unknown": Spec(
        {"type": Number(8), "code": Number(8), "cksum": Number(16), "msgbody": Data()}, 58, (6,), _INET6,
        holds="msgbody",
    ),
    "GRE": Spec(
        {
            "chksum_present": Number(1), "key_present": Number(1), "seqnum_present": Number(1), "version": Number(3),
            "proto": Number(16), "chksum": Number(16), "key": Number(32),
        },
        47, module="scapy.layers.l2",
    ),
    "ESP": Spec({"spi": Number(32), "seq": Number(32), "data": Data()}, 50, module="scapy.layers.ipsec", holds="data",
                closed=True),
    "AH": Spec({"nh": Number(8), "spi": Number(32), "seq": Number(32), "icv": Data(64)}, 51, module="scapy.layers.ipsec"),
    "SCTP": Spec({"sport": Number(16), "dport": Number(16), "tag": Number(32), "chksum": Number(32)}, 132, module=_SCTP),
    "SCTPChunkInit": Spec(
        {
            **_CHUNK, "init_tag": Number(32), "a_rwnd": Number(32), "n_out_streams": Number(16), "n_in_streams": Number(16),
            "init_tsn": Number(32),
        },
        module=_SCTP, part=True,
    ),
    "SCTPChunkData": Spec(
        {
            "len": Number(16), "beginning": Number(1), "ending": Number(1), "tsn": Number(32), "stream_id": Number(16),
            "stream_seq": Number(16), "proto_id": Number(32), "data": Data(),
        },
        module=_SCTP, holds="data", part=True,
    ),
    "SCTPChunkAbort": Spec({"len": Number(16)}, module=_SCTP, part=True),
    "SCTPChunkCookieAck": Spec(_CHUNK, module=_SCTP, part=True),
    "SCTPChunkShutdown": Spec({**_CHUNK, "cumul_tsn_ack": Number(32)}, module=_SCTP, part=True),
    "Raw": Spec({"load": Data()}, module="scapy.packet", positional="load", holds="load", closed=True),
}
OPTIONS: Mapping[str, Spec] = {
    "IPOption_RR": Spec({"length": Number(8), "pointer": Number(8), "routers": _ROUTES}),
    "IPOption_LSRR": Spec({"length": Number(8), "pointer": Number(8), "routers": _ROUTES}),
    "IPOption_SSRR": Spec({"length": Number(8), "pointer": Number(8), "routers": _ROUTES}),
    "IPOption_Router_Alert": Spec({"length": Number(8), "alert": Number(16)}),
    "IPOption_NOP": Spec({}),
    "IPOption_EOL": Spec({}),
    "IPOption": Spec(
        {"copy_flag": Number(1), "optclass": Number(2), "option": Number(5), "length": Number(8), "value": Data(38)}
    ),
}
