"""What a node holds, as the system's tools print it: text for people, and for files that stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.kernel.ground.names import OWN_TABLES
from lab.kernel.ground.tools import find
from lab.kernel.hold.by_hand import tables_of_iptables
from lab.kernel.hold.held import Held
from lab.kernel.hold.kinds import NFT_FAMILIES, saves
from lab.kernel.hold.network_state import printed, tools_in
from lab.kernel.hold.nf_tables import tables
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend

_OF_IP = {
    "ip-address": ["address"], "ip4-route": ["-4", "route", "show", "table", "all"], "ip4-rule": ["-4", "rule"],
    "ip6-route": ["-6", "route", "show", "table", "all"], "ip6-rule": ["-6", "rule"],
}  # fmt: skip


def shown(node: Node, held: Held, backend: Backend) -> dict[str, str]:
    """What each tool prints of the node, by a name of it: rules with their counters, sets, addresses and routes.

    The lab's own tables are not among it.  Raises MeasurementError where a tool fails.
    """
    with tools_in(node.namespace) as start:
        running = {name: [start(argv) for argv in commands] for name, commands in _commands(node, held, backend)}
        return {name: "".join(printed(node.name, one) for one in of) for name, of in running.items()}


def _commands(node: Node, held: Held, backend: Backend) -> Iterator[tuple[str, list[list[str]]]]:
    for kind, names in tables_of_iptables(node.namespace, backend, held.texts).items():
        yield f"{kind}.rules", [[*command, "-c"] for command in saves(kind, backend, names)]
    native = {key[:2] for key in held.native}
    listed = [["nft", "list", "table", family, name] for family, name in _native(node, native)]
    if listed:
        yield "nft.rules", listed
    if "ipset" in held.texts:
        yield "ipset.rules", [["ipset", "save"]]
    if find("ip") is not None:
        yield from ((f"{name}.txt", [["ip", *words]]) for name, words in _OF_IP.items())


def _native(node: Node, native: set[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """The tables of nft that are native, or that iptables has no name for: those without a chain too."""
    of_iptables = set(NFT_FAMILIES.values())
    held = [(table.family, table.name) for table in tables(node.namespace)]
    return [key for key in held if key not in OWN_TABLES and (key in native or key[0] not in of_iptables)]
