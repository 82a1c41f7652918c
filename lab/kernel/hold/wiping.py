"""Taking every rule and set out of a node, so that a load that failed half-way leaves nothing of itself."""

from __future__ import annotations

import socket as sockets
from collections.abc import Iterable, Mapping

from lab.errors import MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground import tools
from lab.kernel.ground.namespace import Namespace
from lab.kernel.hold.kinds import NFT_FAMILIES, restore, tables_in
from lab.kernel.hold.nf_tables import NF_FAMILIES
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered

_DELTABLE = nl.NFNL_SUBSYS_NFTABLES << 8 | 2
_UNSPECIFIED = 0
_CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def wipe(namespace: Namespace, texts: Mapping[str, Rendered], backend: Backend) -> None:
    """Delete what the ``texts`` may have left in the node; raises MeasurementError."""
    _wipe_tables(namespace)
    if backend is Backend.LEGACY:
        for kind, rendered in texts.items():
            if kind in NFT_FAMILIES:
                for table in tables_in(rendered.text):
                    empty(namespace, restore(kind, backend), table)
    if "ipset" in texts:
        for action in ("flush", "destroy"):  # a set that is in a list of sets can only go once the list is empty
            tools.run(namespace, ["ipset", action])


def _wipe_tables(namespace: Namespace) -> None:
    """Delete all tables of nf_tables (a DELTABLE without a name)."""
    _commit(namespace, nl.message(_DELTABLE, nl.NLM_F_ACK, _UNSPECIFIED))


def delete_tables(namespace: Namespace, places: Iterable[tuple[str, str]]) -> None:
    """Delete tables of nf_tables by family and name, one by one in one transaction; raises MeasurementError."""
    numbers = {name: number for number, name in NF_FAMILIES.items()}
    messages = [nl.message(_DELTABLE, nl.NLM_F_ACK, numbers[family], nl.text(1, name)) for family, name in places]
    if messages:
        _commit(namespace, *messages)


def _commit(namespace: Namespace, *messages: bytes) -> None:
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER) as channel:
        channel.settimeout(nl.KERNEL_DEADLINE_S)
        channel.bind((0, 0))
        channel.send(nl.batch(*messages))
        for kind, data in nl.messages(channel.recv(1 << 16)):
            if kind == nl.NLMSG_ERROR:
                try:
                    nl.raise_for_error(data)
                except OSError as error:
                    raise MeasurementError(
                        Problem(f"the rules of a refused ruleset could not be removed: {error.strerror}")
                    ) from error


def empty(namespace: Namespace, command: list[str], table: str) -> None:
    """Replace a table of ip_tables by an empty one that accepts; each has only some of the built-in chains."""
    held = tools.run(namespace, [command[0].replace("-restore", "-save"), "-t", table]).out
    chains = [chain for chain in _CHAINS if f"\n:{chain} " in held]
    declared = "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains)
    tools.run(namespace, command, f"*{table}\n{declared}COMMIT\n")
