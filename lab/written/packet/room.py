"""What a packet has no room for, whatever its fields say: options behind a header, data behind an offset, pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.written.packet.values import MOST_BYTES, Layer, Literal

MOST_OPTIONS = 40  # bytes: a header tells of 60 bytes at most (RFC 791, RFC 9293)
_IP_HEADER = 20
_NONCE = 16  # bytes that are added at the end
_OF_IP = {"IPOption_NOP": 1, "IPOption_EOL": 1, "IPOption_Router_Alert": 4}
_ROUTE = 3  # bytes before the addresses of a route that is asked for or recorded
_OF_TCP: Mapping[object, int] = {"EOL": 1, "NOP": 1, "SAckOK": 2, "MSS": 4, "WScale": 3, "Timestamp": 10}


def check_options(layer: Layer) -> None:
    """A ValueError for options that the header's own length cannot tell of; what says its length may say what it likes."""
    options = layer.get("options")
    if not isinstance(options, tuple) or layer.says("ihl") or layer.says("dataofs"):
        return
    size = sum(map(_of_ip if layer.name == "IP" else _of_tcp, options))
    if size > MOST_OPTIONS:
        raise ValueError(f"{layer.name}(options=…): {size} bytes of options, and a header has room for {MOST_OPTIONS}")


def _of_ip(option: Layer) -> int:
    if option.name in _OF_IP:
        return _OF_IP[option.name]
    routers, value = option.get("routers"), option.get("value")
    return _ROUTE + 4 * _length(routers) if option.name != "IPOption" else 2 + _length(value)


def _of_tcp(option: tuple[object, Literal]) -> int:
    name, said = option
    if name == "SAck":
        return 2 + 4 * _length(said)
    return _OF_TCP.get(name, 2 + _length(said))


def _length(value: Literal) -> int:
    return len(value) if isinstance(value, (tuple, bytes)) else 0


def check_ends(pieces: Sequence[tuple[int, int]]) -> None:
    """A ValueError for a fragment that ends where no packet does; each piece is its offset and its length, in bytes."""
    for start, length in pieces:
        if _IP_HEADER + start + length > MOST_BYTES:
            what = f"a fragment with {length:,} bytes from {start:,} on ends behind the longest packet, {MOST_BYTES:,} bytes"
            raise ValueError(f"{what}\nwrite a smaller frag=… or offset=…")


def check_pieces(load: int, fragsize: int, most: int) -> None:
    """A ValueError for so many bytes in pieces of ``fragsize`` that are more than ``most``."""
    pieces = -(-(load + _NONCE) // fragsize)
    if pieces > most:
        raise ValueError(f"fragsize={fragsize}: these are {pieces} fragments, more than {most}\nwrite a larger one")
