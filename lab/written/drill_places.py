"""Where the cause of a drill may be, and the one list of what it may be, so that neither tells which drill it is."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, NamedTuple

from pydantic import PlainValidator, WithJsonSchema

from lab.written.messages import did_you_mean
from lab.written.words import sysctl_name, text_of

FAULT_KINDS = (
    "missing-accept", "wrong-order", "too-wide", "shadowed", "missing-nat", "wrong-nat", "wrong-interface", "missing-route",
    "wrong-route", "rp-filter", "mtu", "pmtu-blocked", "missing-helper", "table-full", "short-timeout", "link-down",
    "drifted-rules", "not-persistent", "wrong-mark", "wrong-node", "rate-limit", "log-flood", "ipv6-open", "locked-out",
    "exposed", "upstream", "none",
)  # fmt: skip
"""Every kind of cause that a drill may have; whoever answers chooses among all of them."""

WITHOUT_NAME = ("route", "conntrack", "boot", "log", "helper", "program")
WITH_NAME = ("sysctl", "interface", "link", "mtu", "set")
_CHAIN = re.compile(r"[\w.-]+:[\w.-]+")
_TABLES = ("raw", "mangle", "nat", "filter", "security")
_BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_FORM = "a place is written NODE TABLE:CHAIN, as in `gateway filter:FORWARD`, NODE route, NODE sysctl NAME, or NODE alone"


class Place(NamedTuple):
    """A node or a network, and what of it: ``filter:FORWARD``, ``route``, ``sysctl rp_filter``; empty for all of it.

    >>> str(Place("gateway", "sysctl rp_filter"))
    'gateway sysctl rp_filter'
    """

    node: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.node} {self.what}".strip()


def place_of(text: str) -> Place:
    """The place that is written; a built-in chain may be in small letters.  Raises ValueError.

    >>> place_of("gateway  FILTER:forward"), place_of("wan")
    (Place(node='gateway', what='filter:FORWARD'), Place(node='wan', what=''))
    """
    words = text.split()
    if not words:
        raise ValueError(_FORM)
    node, *what = words
    if not what:
        return Place(node)
    if _CHAIN.fullmatch(what[0]) and len(what) == 1:
        return Place(node, _chain(what[0]))
    if what[0] in WITHOUT_NAME:
        if len(what) > 1:
            raise ValueError(f"{text!r}: nothing stands behind {what[0]!r}\nwrite {node} {what[0]}")
        return Place(node, what[0])
    if what[0] in WITH_NAME:
        if len(what) > 2:
            raise ValueError(f"{text!r} names more than one {what[0]}\nwrite {node} {what[0]} NAME")
        return Place(node, " ".join((what[0], *map(_short_sysctl if what[0] == "sysctl" else str, what[1:]))))
    known = did_you_mean(what[0], (*WITHOUT_NAME, *WITH_NAME, "filter:FORWARD", "nat:PREROUTING"), "what a place can be")
    raise ValueError(f"{text!r} is no place: {what[0]!r} is nothing that a node has\n{known}")


def unknown_node(place: Place, nodes: Collection[str], networks: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with the node of a place, and how to mend it; None where there is one."""
    if place.node in nodes or (place.node in networks and not place.what):
        return None
    if place.node in networks:
        what = f"{place.node!r} is a network, which has no {place.what!r}"
        return what, f"write {place.node} alone, or a node of it"
    return f"there is no node and no network {place.node!r}", did_you_mean(place.node, (*nodes, *networks), "there are")


def _chain(word: str) -> str:
    table, _, chain = word.partition(":")
    table = table.lower() if table.lower() in _TABLES else table
    return f"{table}:{chain.upper() if chain.upper() in _BUILT_IN and table in _TABLES else chain}"


def _short_sysctl(name: str) -> str:
    """A sysctl by its last word, since whoever answers may mean that of one interface or of all."""
    return sysctl_name(name).rpartition(".")[2] if name.startswith("net.") else name


def _place(value: object) -> str:
    return str(place_of(text_of(value)))


def _kind(value: object) -> str:
    if (text := text_of(value)) not in FAULT_KINDS:
        raise ValueError(f"{text!r} is no kind of cause\n{did_you_mean(text, FAULT_KINDS, 'the kinds')}")
    return text


APlace = Annotated[str, PlainValidator(_place), WithJsonSchema({"type": "string"})]
AKind = Annotated[str, PlainValidator(_kind), WithJsonSchema({"enum": list(FAULT_KINDS)})]
