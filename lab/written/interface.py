"""An interface of a node, and how its link is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.written.bridge import Bridge
from lab.written.words import (
    INTERFACE_ADDRESS_SCHEMA,
    InterfaceAddress,
    InterfaceAddresses,
    LinkLocal,
    Mac,
    Mtu,
    Name,
    ShortForm,
    link_local_of,
)

STRICT = ConfigDict(
    frozen=True,
    extra="forbid",
    strict=True,
    arbitrary_types_allowed=True,
    ignored_types=(cached_property,),
    defer_build=True,  # a model inside another is then built once, as a part of it
)


class Interface(BaseModel):
    """One interface of a node; the prefix length of an address is its network's unless it is written."""

    model_config = STRICT | ConfigDict(populate_by_name=True)

    network: Name = Field(description="the network that it is on")
    addresses: InterfaceAddresses = Field(
        default=(), alias="address", description="its addresses, IPv4 and IPv6"
    )
    bridge: Bridge = Field(default={}, description="the ports, where it is a bridge: [eth0, vnet1], or {eth0: [NODE, …]}")
    bridge_nf: bool = Field(default=False, alias="bridge-nf", description="whether rules see what it bridges (br_netfilter)")
    mac: Mac | None = Field(default=None, description="its MAC address; the lab gives one where none is written")
    mtu: Mtu | None = Field(default=None, description="its MTU in bytes, 68 to 65535; 1500 where none is written")
    link_local: LinkLocal | None = Field(
        default=None, alias="link-local", description="a link-local address besides its own: fe80::1, as routers have it"
    )
    link: Literal["point-to-point"] | None = Field(
        default=None, description="point-to-point: what one end sends arrives at the other, whatever its address is"
    )

    @property
    def link_locals(self) -> tuple[str, ...]:
        """Its link-local addresses as far as they are known: the one that is written, and the one that its MAC makes."""
        made = () if self.mac is None else (link_local_of(self.mac),)
        return (*made, *(() if self.link_local is None else (self.link_local,)))

    def of_family(self, family: int) -> tuple[InterfaceAddress, ...]:
        """Its addresses of the family (4 or 6), in the order written."""
        return tuple(address for address in self.addresses if address.version == family)


AnInterface = Annotated[
    Interface, ShortForm(INTERFACE_ADDRESS_SCHEMA, {"type": "array", "items": INTERFACE_ADDRESS_SCHEMA, "minItems": 1})
]


def in_full(value: object) -> object:
    """The short form ``wan: ADDRESSES`` as the full one: an interface is called after its network."""
    if not isinstance(value, Mapping):
        raise ValueError("interfaces are written as a mapping: {NETWORK: [ADDRESS, …]}")
    return {
        name: written
        if isinstance(written, (Interface, Mapping))
        else {"network": name, "address": written}
        for name, written in value.items()
    }
