"""The service of a row that has a packet: what the packet says of itself, or what the row says beside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from lab.written.cell import FAMILIES, Service
from lab.written.packet.layered import Layered
from lab.written.selection import Selection


def of_packet(packet: Layered, path: tuple[str | int, ...]) -> Selection[Service]:
    """The one service that the packet is of; ValueError where it leaves its port open."""
    if packet.has_ports and packet.dport is None:
        assert packet.transport is not None
        name = packet.transport.name
        raise ValueError(f"{name}() says no port\nwrite {name}(dport=…), or say service: {name.lower()}/PORT beside it")
    found = {family: [packet.service()] if family in packet.families else [] for family in FAMILIES}
    return Selection(path, (packet.texts[0].text,), (frozenset(packet.families),), found)


def fits_packet(service: Service, packet: Layered) -> None:
    """A ValueError for a service that the packet is not of, or that says again what the packet says."""
    if not packet.has_ports:
        raise ValueError(f"`packet` is no packet of {service.text}: it says by itself what it is\ntake `service` out")
    assert packet.transport is not None
    name = packet.transport.name
    if service.proto != name.lower():
        raise ValueError(f"`packet` is one of {name}, but the service is {service.text}")
    if packet.dport is not None:
        raise ValueError(f"{name}(dport={packet.dport}) says the port, and the service is {service.text}\nsay it once")


def in_families(services: Selection[Service], families: Collection[int]) -> Selection[Service]:
    """The same without what the packet cannot be sent in."""
    found = {family: services.found[family] if family in families else [] for family in FAMILIES}
    return replace(services, has=tuple(has & set(families) for has in services.has), found=found)
