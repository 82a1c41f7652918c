"""A bridge that a node is: its ports, who is behind each, and which hosts share a wire because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from lab.written.words import INTERFACE_PATTERN, NAME_SCHEMA, one_or_several, parse_interface_name, parse_name

if TYPE_CHECKING:
    from lab.written.topology import Interface

Behind = tuple[str, ...] | None  # the nodes behind a port; None where the order in which they are written tells
_PORT_SCHEMA = {"type": "string", "pattern": INTERFACE_PATTERN}


class Segment(NamedTuple):
    """One wire of ``network``: the (node, interface) at its ends; a bridge's end is a port of it."""

    network: str
    ends: tuple[tuple[str, str], ...]


def _bridge(value: object) -> dict[str, Behind]:
    if isinstance(value, Mapping):
        return {parse_interface_name(port): _behind(nodes) for port, nodes in value.items()}
    ports = [parse_interface_name(port) for port in _listed(value)]
    if twice := next((port for port in ports if ports.count(port) > 1), None):
        raise ValueError(f"the port {twice} is listed twice")
    return dict.fromkeys(ports)


def _behind(value: object) -> Behind:
    return None if value is None else tuple(parse_name(node) for node in _listed(value))


def _listed(value: object) -> tuple[Any, ...]:
    several_of = one_or_several(value)
    assert isinstance(several_of, tuple)
    return several_of


def _as_written(bridge: Mapping[str, Behind]) -> object:
    if all(nodes is None for nodes in bridge.values()):
        return list(bridge)
    return {port: None if nodes is None else list(nodes) for port, nodes in bridge.items()}


_NODES_SCHEMA = {"anyOf": [NAME_SCHEMA, {"type": "array", "items": NAME_SCHEMA}, {"type": "null"}]}
Bridge = Annotated[
    dict[str, Behind],
    PlainValidator(_bridge),
    PlainSerializer(_as_written),
    WithJsonSchema({
        "anyOf": [
            _PORT_SCHEMA,
            {"type": "array", "items": _PORT_SCHEMA},
            {"type": "object", "propertyNames": _PORT_SCHEMA, "additionalProperties": _NODES_SCHEMA},
        ]
    }),
]  # fmt: skip


def behind(bridge: Mapping[str, Behind], others: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The nodes behind each port; ports that name none get those of ``others`` that none names, one by one, in their order.

    >>> behind({"eth0": ("printer", "scanner"), "vnet1": None, "vnet2": None}, ["printer", "guest", "scanner"])
    {'eth0': ('printer', 'scanner'), 'vnet1': ('guest',), 'vnet2': ()}
    """
    named = {node for nodes in bridge.values() for node in nodes or ()}
    left = iter(dict.fromkeys(node for node in others if node not in named))
    return {port: tuple(islice(left, 1)) if nodes is None else nodes for port, nodes in bridge.items()}


def segments_of(
    networks: Iterable[str], on_network: Callable[[str], Iterable[tuple[str, str, Interface]]]
) -> Iterator[tuple[str, Segment]]:
    """Each segment with its name: a network that no node bridges is one, called as it; else there is one at each port."""
    for network in networks:
        members = [*on_network(network)]
        bridging = next(((node, spec.bridge) for node, _, spec in members if spec.bridge), None)
        if bridging is None:
            yield network, Segment(network, tuple((node, name) for node, name, _ in members))
            continue
        host, bridge = bridging
        others = [(node, name) for node, name, spec in members if not spec.bridge]
        for port, nodes in behind(bridge, (node for node, _ in others)).items():
            yield f"{network} at {host}:{port}", Segment(network, ((host, port), *(one for one in others if one[0] in nodes)))
