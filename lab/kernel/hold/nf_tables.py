"""The rules and base chains that nf_tables holds in a node, as it lists them.

Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import re
import socket as sockets
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.names import OWN_TABLES, QUIET_TABLE, is_numbered
from lab.kernel.ground.namespace import Namespace

NF_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_NUMBERS = {name: number for number, name in NF_FAMILIES.items()}
_GETTABLE, _GETCHAIN, _GETRULE, _GETOBJ = (nl.NFNL_SUBSYS_NFTABLES << 8 | number for number in (1, 4, 7, 19))
_UNSPECIFIED = 0
_TABLE_NAME, _TABLE_OWNER = 1, 7
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_DROP = 0  # NF_DROP
_OBJECT_TABLE, _OBJECT_NAME, _OBJECT_TYPE, _OBJECT_DATA, _COUNTER_OBJECT = 1, 2, 3, 4, 1
_REF_TYPE, _REF_NAME = 1, 2
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress")
_DEVICE_HOOKS = ("ingress", "egress")
_EXPRESSION_NAME, _EXPRESSION_DATA, _COUNTER_PACKETS = 1, 2, 2
_IMMEDIATE_DATA, _DATA_VERDICT, _VERDICT_CHAIN = 2, 2, 2

_MADE = re.compile(r"__chain\d+")  # NFT_CHAIN_BINDING: nf_tables_chain_add

ChainKey = tuple[str, str, str]  # family, table, chain


class BaseChain(NamedTuple):
    """Where a base chain stands, in the words of nft: its ``hook`` and ``type`` (filter, nat, route)."""

    hook: str
    type: str


class KernelRule(NamedTuple):
    """A rule as nf_tables lists it; ``packets`` are those of its first counter, None where it has none."""

    key: ChainKey
    handle: int
    packets: int | None


def all_chains(namespace: Namespace) -> dict[ChainKey, BaseChain | None]:
    """Every chain of the node but the lab's own; None for one that only jumps lead to."""
    found: dict[ChainKey, BaseChain | None] = {}
    for data in _dump(namespace, _GETCHAIN):
        parts = nl.attributes(data, nl.HEADER)
        table = parts[_CHAIN_TABLE][:-1].decode()
        family = NF_FAMILIES.get(data[16], str(data[16]))
        if (family, table) in OWN_TABLES:
            continue
        key = family, table, parts[_CHAIN_NAME][:-1].decode()
        if _CHAIN_HOOK not in parts:
            found[key] = None
            continue
        number = int.from_bytes(nl.attributes(parts[_CHAIN_HOOK])[1], "big")
        hooks = _DEVICE_HOOKS if family == "netdev" else _HOOKS
        kind = parts.get(_CHAIN_TYPE, b"filter\0")[:-1].decode()
        found[key] = BaseChain(hooks[number], kind)
    return found


def kernel_rules(namespace: Namespace, *, counters: bool = False) -> Iterator[KernelRule]:
    """Every rule of the node but of the lab's own tables, chain by chain, in the order in which they are run."""
    for key, data in _rules(namespace):
        yield KernelRule(key, _handle(data), _first_counter(data) if counters else None)


def _rules(namespace: Namespace) -> Iterator[tuple[ChainKey, bytes]]:
    """Every rule's chain and message, but those of the lab's own tables."""
    keys: dict[bytes, ChainKey] = {}
    for data in _dump(namespace, _GETRULE):
        chain = nl.HEADER + _padded(data, nl.HEADER)
        named = data[16 : chain + _padded(data, chain)]  # rules of one chain begin with the same bytes
        key = keys.get(named)
        if key is None:
            key = keys[named] = _key(data)
        if key[:2] not in OWN_TABLES:
            yield key, data


def counted_rules(namespace: Namespace) -> Iterator[tuple[ChainKey, int, int]]:
    """Chain, handle and packets of each rule of the node that counts, by itself or by a counter with a name."""
    named: dict[tuple[str, str, str], int] | None = None
    for key, data in _rules(namespace):
        packets = _first_counter(data)
        if packets is None and (name := _counts_by(data)) is not None:
            if named is None:
                named = _named_counters(namespace)
            packets = named.get((*key[:2], name))
        if packets is not None:
            yield key, _handle(data), packets


def _counts_by(data: bytes) -> str | None:
    """The name of the counter that a rule counts by."""
    if b"objref\0" not in data:
        return None
    for name, parts in expressions(data):
        found = nl.attributes(parts) if name == b"objref\0" else {}
        if int.from_bytes(found.get(_REF_TYPE, b""), "big") == _COUNTER_OBJECT:
            return found[_REF_NAME][:-1].decode()
    return None


def _named_counters(namespace: Namespace) -> dict[tuple[str, str, str], int]:
    """The packets of each counter that has a name: family, table and name."""
    found = {}
    for data in _dump(namespace, _GETOBJ):
        parts = nl.attributes(data, nl.HEADER)
        if int.from_bytes(parts[_OBJECT_TYPE], "big") == _COUNTER_OBJECT:
            family, table = NF_FAMILIES.get(data[16], str(data[16])), parts[_OBJECT_TABLE][:-1].decode()
            packets = nl.attributes(parts[_OBJECT_DATA])[_COUNTER_PACKETS]
            found[family, table, parts[_OBJECT_NAME][:-1].decode()] = int.from_bytes(packets, "big")
    return found


def _padded(data: bytes, start: int) -> int:
    """The length of the attribute at ``start`` with its padding."""
    return int.from_bytes(data[start : start + 2], sys.byteorder) + 3 & ~3


def blocks(namespace: Namespace) -> dict[tuple[ChainKey, int], str]:
    """The chains, by the rule that leads to them, that the kernel made of ``jump { … }`` and gave a name."""
    found = {}
    for data in _dump(namespace, _GETRULE):
        if b"__chain" in data:
            for name, parts in expressions(data):
                chain = _led_to(parts) if name == b"immediate\0" else None
                if chain is not None and _MADE.fullmatch(chain):
                    found[_key(data), _handle(data)] = chain
    return found


def _led_to(immediate: bytes) -> str | None:
    """The chain of an expression that jumps."""
    verdict = nl.attributes(nl.attributes(immediate).get(_IMMEDIATE_DATA, b"")).get(_DATA_VERDICT, b"")
    chain = nl.attributes(verdict).get(_VERDICT_CHAIN)
    return None if chain is None else chain[:-1].decode()


def ranks(keys: Iterable[ChainKey]) -> dict[ChainKey, int]:
    """The made chains (``__chain3``) among ``keys`` by their order in their table: the kernel's numbers go on for ever."""
    made = sorted((key for key in keys if _MADE.fullmatch(key[2])), key=lambda key: (key[:2], int(key[2][7:])))
    count: dict[tuple[str, str], int] = {}
    found = {}
    for key in made:
        count[key[:2]] = found[key] = count.get(key[:2], 0) + 1
    return found


def handles(namespace: Namespace, chains: Iterable[ChainKey]) -> dict[ChainKey, list[int]]:
    """The handles of the rules of each chain, in the order in which they are run.

    Chain by chain: a dump of all rules walks, for each part that it gives, over all that it gave before
    (nf_tables_dump_rules), and takes seconds for 100,000 rules.
    """
    found: dict[ChainKey, list[int]] = {key: [] for key in chains}
    for key, handle, _ in rules_of(namespace, found):
        found[key].append(handle)
    return found


def rules_of(namespace: Namespace, chains: Iterable[ChainKey]) -> Iterator[tuple[ChainKey, int, bytes]]:
    """Chain, handle and whole message of each rule of ``chains``, chain by chain as `handles`."""
    with _channel(namespace) as channel:
        for key in chains:
            for data in _ask(channel, key):
                yield key, _handle(data), data


class KernelTable(NamedTuple):
    """A table as nf_tables lists it; ``owner`` is the port id of the socket that it belongs to, None where nobody owns it."""

    family: str
    name: str
    owner: int | None

    @property
    def is_labs(self) -> bool:
        """Whether the lab made it: that which keeps a node quiet, or that of an instrument, whose owner it is called after.

        What keeps a node quiet is there before any ruleset, and nobody else can have added to it.
        """
        own = is_numbered(self.name) and self.name.endswith(f"_{self.owner}")
        return own or (self.family, self.name) == ("ip6", QUIET_TABLE)


def tables(namespace: Namespace) -> Iterator[KernelTable]:
    """Every table of the node, the lab's own too."""
    for data in _dump(namespace, _GETTABLE):
        parts = nl.attributes(data, nl.HEADER)
        owner = int.from_bytes(parts[_TABLE_OWNER], "big") if _TABLE_OWNER in parts else None
        yield KernelTable(NF_FAMILIES.get(data[16], str(data[16])), parts[_TABLE_NAME][:-1].decode(), owner)


def _ask(channel: sockets.socket, key: ChainKey) -> Iterator[bytes]:
    family, table, chain = key
    wanted = nl.text(_RULE_TABLE, table) + nl.text(_RULE_CHAIN, chain)
    channel.send(nl.message(_GETRULE, nl.NLM_F_DUMP, _NUMBERS[family], wanted))
    return nl.receive_dump(channel)


def _handle(data: bytes) -> int:
    """A rule's handle: table, chain and handle stand first in the message, so its expressions are never walked."""
    chain = nl.HEADER + _padded(data, nl.HEADER)
    handle = chain + _padded(data, chain)
    return int.from_bytes(data[handle + 4 : handle + 12], "big")


def decides(namespace: Namespace) -> bool:
    """Whether nf_tables holds any rule, or a policy to drop, but the lab's own."""
    if any(True for _ in kernel_rules(namespace)):
        return True
    for data in _dump(namespace, _GETCHAIN):
        parts = nl.attributes(data, nl.HEADER)
        own = NF_FAMILIES.get(data[16], ""), parts[_CHAIN_TABLE][:-1].decode()
        if own not in OWN_TABLES and int.from_bytes(parts.get(_CHAIN_POLICY, b"\1"), "big") == _DROP:
            return True
    return False


def _dump(namespace: Namespace, kind: int) -> Iterator[bytes]:
    with _channel(namespace) as channel:
        channel.send(nl.message(kind, nl.NLM_F_DUMP, _UNSPECIFIED))
        yield from nl.receive_dump(channel)


def _channel(namespace: Namespace) -> sockets.socket:
    channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
    channel.settimeout(nl.KERNEL_DEADLINE_S)
    channel.bind((0, 0))
    return channel


def _key(data: bytes) -> ChainKey:
    """Family, table and chain of one rule."""
    parts = nl.attributes(data, nl.HEADER)
    family = NF_FAMILIES.get(data[16], str(data[16]))
    return family, parts[_RULE_TABLE][:-1].decode(), parts[_RULE_CHAIN][:-1].decode()


def _first_counter(data: bytes) -> int | None:
    """The packets of a rule's first counter; nft puts matches that a statement needs (``reject with tcp reset``) before it."""
    if b"counter\0" not in data:
        return None
    expressions = nl.attributes(data, nl.HEADER).get(_RULE_EXPRESSIONS, b"")
    start = 0
    while start + 4 <= len(expressions):  # an expression begins with its name: those before it need not be taken apart
        length = int.from_bytes(expressions[start : start + 2], sys.byteorder)
        if expressions[start + 8 : start + 16] == b"counter\0":
            parts = nl.attributes(expressions, start + 4, start + length)
            return int.from_bytes(nl.attributes(parts[_EXPRESSION_DATA])[_COUNTER_PACKETS], "big")
        start += max(length, 4) + 3 & ~3
    return None


def expressions(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and attributes of each expression of a rule."""
    expressions = nl.attributes(data, nl.HEADER).get(_RULE_EXPRESSIONS, b"")
    start = 0
    while start + 4 <= len(expressions):
        length = struct.unpack_from("=H", expressions, start)[0]
        parts = nl.attributes(expressions, start + 4, start + length)
        yield parts[_EXPRESSION_NAME], parts.get(_EXPRESSION_DATA, b"")
        start += max(length, 4) + 3 & ~3
