"""The small types that what people write is made of: names, addresses, networks, one-or-several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
InterfaceAddress = IPv4Interface | IPv6Interface


class BareIPv4(IPv4Interface):
    """An IPv4 address of an interface that was written without a prefix length."""


class BareIPv6(IPv6Interface):
    """An IPv6 address of an interface that was written without a prefix length."""


BareAddress = (BareIPv4, BareIPv6)

NAME_PATTERN = r"^(?![.-])[^\s\x00-\x1f\x7f@:/\[\],>]+$"
SYSCTL_PATTERN = r"^net(\.[A-Za-z0-9_][A-Za-z0-9_/-]*)+$"
INTERFACE_PATTERN = r"^[^\s\x00-\x1f\x7f/:@%]{1,15}$"
_NAME = re.compile(NAME_PATTERN)
_INTERFACE = re.compile(INTERFACE_PATTERN)
_SYSCTL = re.compile(SYSCTL_PATTERN)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_LINK_LOCAL = ip_network("fe80::/64")
OWN_MACS = "02:4c:00"
LEAST_MTU, LEAST_MTU_OF_IPV6, MOST_MTU = 68, 1280, 65535  # bytes; RFC 791, RFC 8200
_LONGEST_INTERFACE = 15  # bytes: IFNAMSIZ and its final zero
_RESERVED_INTERFACES = ("lo", ".", "..", "all", "default")

# 240/4 and 100::/64 are what the lab's own canaries are sent from; the others no host of a lab can have.
_REFUSED = tuple(
    (ip_network(text), why)
    for text, why in (
        ("240.0.0.0/4", "reserved; the lab sends its canaries from there"),
        ("0.0.0.0/8", "not an address that a host can have"),
        ("127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("::1/128", "loopback"),
        ("::/128", "not an address that a host can have"),
        ("ff00::/8", "multicast"),
        ("100::/64", "set aside for discarding; the lab sends its canaries from there"),
        ("fe80::/10", "link-local: it means another host on each link, and each interface has one of its own already"),
        ("::ffff:0:0/96", "IPv4-mapped: write the IPv4 address itself"),
    )
)


def number_of(text: str) -> int:
    """The number that is written, decimal or ``0x…``; ValueError for what is none, or is longer than any that is meant."""
    if len(text) > 40:
        raise ValueError(f"{text[:12]}… has {len(text):,} digits")
    return int(text, 0)


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def parse_address(text: str) -> Address:
    """An address from its text, in any of its forms; a ValueError for what is none, and for one with ``%INTERFACE``."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None
    if "%" in text:
        raise ValueError(f"{text!r}: an address is written without %INTERFACE")
    return address


def refused(address: Address | Network) -> str | None:
    """Why no node of a lab may have this address (or a network lie there); None when it may."""
    network = address if isinstance(address, (IPv4Network, IPv6Network)) else ip_network(address)
    for forbidden, why in _REFUSED:
        if forbidden.version == network.version and network.overlaps(forbidden):
            return f"{why} ({forbidden})"
    return None


LIMITED_BROADCAST = "255.255.255.255"  # everybody on the network that it is sent to (RFC 919)
NO_ADDRESS = "0.0.0.0"  # the source of who has none yet (RFC 1122, RFC 2131)


def is_loopback(address: str) -> bool:
    """Whether an address in its canonical form is every node's own, on its ``lo``: 127.0.0.0/8 (RFC 1122), ::1 (RFC 4291)."""
    return address.startswith("127.") or address == "::1"


def set_aside(prefix: Network) -> str | None:
    """Why no address of this prefix can be one of a lab; None when one can."""
    for forbidden, why in _REFUSED:
        if forbidden.version == prefix.version and prefix.subnet_of(forbidden):  # type: ignore[arg-type]
            return f"{why} ({forbidden})"
    return None


def text_of(value: object) -> str:
    """The value if it is a string; otherwise a ValueError that says what YAML made of it and to quote it."""
    if isinstance(value, str):
        return value
    raise ValueError(not_text(value))


def not_text(value: object) -> str:
    """What to say of a value that YAML did not make a string."""
    if isinstance(value, bool):
        return f'{str(value).lower()} is a boolean to YAML; quote it: "{str(value).lower()}"'
    if isinstance(value, (int, float)):
        return f'{value} is a number to YAML; quote it: "{value}"'
    if value is None:
        return "there is nothing here"
    return f"a {'mapping' if isinstance(value, Mapping) else 'list'} stands where one word belongs"


def parse_name(value: object) -> str:
    """A name of a node, network or role; a ValueError says what it may not be."""
    text = text_of(value)
    if not _NAME.fullmatch(text):
        what = "it may not be empty, begin with . or -, or contain blanks or any of @ : / [ ] , >"
        raise ValueError(f"{text!r} is not a name: {what}")
    if is_address(text):
        raise ValueError(f"{text!r} is an address and cannot be a name")
    return text


def parse_interface_name(value: object) -> str:
    """The name of an interface of a node; a ValueError says why it can be none."""
    text = text_of(value)
    if not _INTERFACE.fullmatch(text) or len(text.encode(errors="replace")) > _LONGEST_INTERFACE:
        raise ValueError(
            f"{text!r} is not an interface name: 1 to 15 characters (bytes, in UTF-8) without blanks, '/', ':', '%' or '@'"
            " (a long network name can be kept by `eth0: {network: NAME, address: …}`)"
        )
    if text in _RESERVED_INTERFACES:
        raise ValueError(f"{text!r} cannot be an interface of a node: the kernel uses this name itself")
    return text


def sysctl_name(value: object) -> str:
    """The name of a sysctl of a network namespace; a ValueError for any other: those belong to the whole machine."""
    text = text_of(value)
    if not text.startswith("net."):
        raise ValueError(f"{text!r} is not a setting of a node: only net.* is, the rest belongs to the machine")
    if not _SYSCTL.match(text):
        raise ValueError(f"{text!r} is not the name of a sysctl: write it as `sysctl` does, net.ipv4.conf.all.rp_filter")
    return text


def _address(value: object) -> Address:
    if isinstance(value, (IPv4Address, IPv6Address)):
        return value
    return parse_address(text_of(value))


def _interface_address(value: object) -> InterfaceAddress:
    if isinstance(value, (IPv4Interface, IPv6Interface)):
        return _bare(value.ip) if value.network.prefixlen == value.max_prefixlen else value
    text = text_of(value)
    if "%" in text:
        raise ValueError(f"{text!r}: an address is written without %INTERFACE")
    try:
        address = ip_interface(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address, with or without /PREFIX") from None
    return address if "/" in text else _bare(address.ip)


def _bare(address: Address) -> InterfaceAddress:
    return BareIPv4(str(address)) if address.version == 4 else BareIPv6(str(address))


def _mac(value: object) -> str:
    """A MAC address that an interface can have, in lower case and with colons."""
    text = text_of(value)
    plain = text.lower().replace("-", ":")
    if not _MAC.fullmatch(plain):
        raise ValueError(f"{text!r} is not a MAC address: write six bytes, 52:54:00:ab:cd:ef")
    first = int(plain[:2], 16)
    if first & 1 or plain == "00:00:00:00:00:00":
        raise ValueError(f"{text!r} is {'a group of hosts' if first & 1 else 'nobody'}: no interface can have this MAC address")
    if plain.startswith(OWN_MACS):
        raise ValueError(f"{text!r}: addresses that begin with {OWN_MACS} are those that the lab gives out itself")
    return plain


def link_local_of(mac: str) -> str:
    """The link-local address that an interface makes of its MAC (RFC 4291, appendix A)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    return str(ip_address(b"\xfe\x80" + bytes(6) + bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]))


def _link_local(value: object) -> str:
    """A link-local address that an interface can have, in its canonical form."""
    address = parse_address(text_of(value))
    if address not in _LINK_LOCAL or address == _LINK_LOCAL[0]:
        raise ValueError(f"{str(value)!r} is no link-local address of a host: it lies in {_LINK_LOCAL}, as fe80::1")
    return str(address)


def _mtu(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"an MTU is a whole number of bytes, not {value!r}")
    if not LEAST_MTU <= value <= MOST_MTU:
        raise ValueError(f"an MTU of {value} bytes cannot be: it is {LEAST_MTU} to {MOST_MTU}")
    return value


def parse_network(value: object) -> Network:
    """A network from its text; a ValueError that names the right one when host bits are set."""
    if isinstance(value, (IPv4Network, IPv6Network)):
        return value
    text = text_of(value)
    if "%" in text:
        raise ValueError(f"{text!r}: a network is written without %INTERFACE")
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 network like 10.0.1.0/24") from None
    raise ValueError(f"{text!r} has host bits set; the network is {meant}")


def one_or_several(value: object) -> object:
    """A value that may be written alone or as a list, as a tuple."""
    if value is None:
        raise ValueError("there is nothing here")
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return (value,)


def one_or_more(value: object) -> object:
    """The same, of which at least one must be there."""
    items = one_or_several(value)
    if items == ():
        raise ValueError("the list is empty: it selects nothing")
    return items


def written_as(parse: Callable[[Any], Any], schema: Mapping[str, object]) -> tuple[Any, ...]:
    """The pydantic metadata of a type that is read by ``parse`` and is this in a JSON Schema."""
    return PlainValidator(parse), PlainSerializer(str, return_type=str), WithJsonSchema(dict(schema))


def several(item: Mapping[str, object], *, least: int = 1) -> WithJsonSchema:
    """The JSON Schema of one or several of ``item``."""
    one = dict(item)
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": least}]})


class OneOrSeveral:
    """The pydantic metadata of a tuple whose only item may be written without a list."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """An item, or a list of them."""
        whole = handler(core)
        return {"anyOf": [whole["items"], whole]}


class Lines:
    """The pydantic metadata of records read from lines: an item of the list may have several, and each knows its item."""

    def __init__(self, parse: Callable[[Any], tuple[Any, ...]]) -> None:
        self._item = core_schema.no_info_plain_validator_function(parse)

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        """A list of items, each read by itself, so that a complaint has its place; then flat."""
        items = core_schema.tuple_variable_schema(self._item)
        return core_schema.no_info_before_validator_function(
            one_or_several, core_schema.no_info_after_validator_function(_flat, items)
        )


def _flat(items: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return tuple(replace(one, item=place) for place, several_of in enumerate(items) for one in several_of)


class ShortForm:
    """The pydantic metadata of a model that may be written in a short form too, whose JSON Schemas are given."""

    def __init__(self, *schemas: Mapping[str, object]) -> None:
        self._schemas = [dict(schema) for schema in schemas]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Both forms."""
        return {"anyOf": [*self._schemas, handler(core)]}


NAME_SCHEMA: dict[str, object] = {"type": "string", "pattern": NAME_PATTERN}
ADDRESS_SCHEMA: dict[str, object] = {"type": "string", "description": "an IPv4 or IPv6 address"}
NETWORK_SCHEMA: dict[str, object] = {"type": "string", "description": "an IPv4 or IPv6 network, 10.0.1.0/24"}
INTERFACE_ADDRESS_SCHEMA: dict[str, object] = {
    "type": "string",
    "description": "an address; its prefix length is the network's unless it is written",
}

Text = Annotated[str, BeforeValidator(text_of), WithJsonSchema({"type": "string"})]
Name = Annotated[str, PlainValidator(parse_name), WithJsonSchema(NAME_SCHEMA)]
InterfaceName = Annotated[
    str, PlainValidator(parse_interface_name), WithJsonSchema({"type": "string", "pattern": INTERFACE_PATTERN})
]
AnAddress = Annotated[Address, *written_as(_address, ADDRESS_SCHEMA)]
ANetwork = Annotated[Network, *written_as(parse_network, NETWORK_SCHEMA)]
AnInterfaceAddress = Annotated[InterfaceAddress, *written_as(_interface_address, INTERFACE_ADDRESS_SCHEMA)]
Mac = Annotated[
    str, PlainValidator(_mac), WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$"})
]
LinkLocal = Annotated[str, PlainValidator(_link_local), WithJsonSchema(ADDRESS_SCHEMA)]
Mtu = Annotated[
    int, PlainValidator(_mtu), WithJsonSchema({"type": "integer", "minimum": LEAST_MTU, "maximum": MOST_MTU})
]
Addresses = Annotated[tuple[AnAddress, ...], BeforeValidator(one_or_more), several(ADDRESS_SCHEMA)]
Networks = Annotated[tuple[ANetwork, ...], BeforeValidator(one_or_more), several(NETWORK_SCHEMA)]
InterfaceAddresses = Annotated[
    tuple[AnInterfaceAddress, ...], BeforeValidator(one_or_more), several(INTERFACE_ADDRESS_SCHEMA)
]
Names = Annotated[tuple[Text, ...], BeforeValidator(one_or_several), several({"type": "string"}, least=0)]
