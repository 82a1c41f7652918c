"""Packets that no client of a row sends, made with scapy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.kernel.matches.case import CLIENT_6, SERVER_6, Raw
from tests.kernel.scenes import CLIENT, SERVER


def packet(layers: str) -> Raw:
    """The packet of these layers behind an IP or IPv6 header from the client to the server: ``UDP(dport=9)``.

    A header that is said takes the place of that one: ``IP(ttl=9)/UDP(dport=9)``.
    """
    return Raw(_maker(layers), f"`{layers}`")


def _maker(layers: str) -> Callable[[], bytes]:
    def made() -> bytes:
        from scapy.layers import inet, inet6, ipsec, sctp
        from scapy.packet import Raw as Payload

        def ip(**fields: Any) -> Any:
            return inet.IP(**{"src": CLIENT, "dst": SERVER, **fields})

        def ip6(**fields: Any) -> Any:
            return inet6.IPv6(**{"src": CLIENT_6, "dst": SERVER_6, **fields})

        known = {
            name: getattr(module, name) for module in (inet, inet6, ipsec, sctp) for name in dir(module) if name[0].isupper()
        }
        made = eval(layers, {**known, "IP": ip, "IPv6": ip6, "Raw": Payload})
        return bytes(made if layers.startswith(("IP(", "IPv6(")) else ip() / made)

    return made
