"""The reverse path as rules ask for it: `rpfilter` in its variants, and `fib` of nft, in both families.

What selftests of the kernel document of it (tools/testing/selftests/net/netfilter/rpath.sh), and the manual of the match.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lab.lab import Lab
from lab.record.path import rules_on
from lab.record.verdict import Verdict
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

PLACES = {
    4: {
        "own": "10.0.1.10", "neighbour": "10.0.1.77", "other side": "10.0.2.77", "nowhere": "203.0.113.9",
        "gateway": "10.0.1.1", "gateway's other": "10.0.2.1",
    },
    6: {
        "own": "2001:db8:1::10", "neighbour": "2001:db8:1::77", "other side": "2001:db8:2::77", "nowhere": "2001:db8:9::9",
        "gateway": "2001:db8:1::1", "gateway's other": "2001:db8:2::1",
    },
}  # fmt: skip
TARGET = {4: "10.0.2.10", 6: "2001:db8:2::10"}


def hall(**gateway: Any) -> dict[str, Any]:
    """A client, a gateway and a server in a row, in both families; nothing lies beyond."""
    return {
        "topology": "hall",
        "networks": {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]},
        "nodes": {
            "client": {"role": "client", "interfaces": {"left": [PLACES[4]["own"], PLACES[6]["own"]]}, "via": "gateway"},
            "gateway": {
                "role": "gateway", "forwards": True,
                "interfaces": {"left": ["10.0.1.1", "2001:db8:1::1"], "right": ["10.0.2.1", "2001:db8:2::1"]},
            } | gateway,
            "server": {"role": "backend", "interfaces": {"right": [*TARGET.values()]}, "via": "gateway"},
        },
    }  # fmt: skip


def asking(match: str, *before: str) -> Rulesets:
    """What fits passes by a rule of its own, what does not is dropped by the next."""
    neighbours = "-A PREROUTING -p ipv6-icmp -j ACCEPT"
    rules = (f"-A PREROUTING -m rpfilter {match} -m comment --comment fits -j ACCEPT",
             "-A PREROUTING -m comment --comment other -j DROP")  # fmt: skip
    return rulesets(table("raw", *before, *rules), v6=table("raw", neighbours, *before, *rules))


def fits(verdict: Verdict) -> bool:
    """Whether the rule that asks for the reverse path took the packet."""
    (named,) = {rule.comment for rule in rules_on(verdict.path[:1]) if rule.comment in ("fits", "other")}
    return named == "fits"


def seen(lab_of: LabOf, family: int, held: Rulesets, *, places: Sequence[str] = tuple(PLACES[4]), **gateway: Any) -> list[str]:
    """The sources that fit, of those sent from the client's side."""
    return fitting(lab_of(hall(**gateway), gateway=held), family, places)


def fitting(lab: Lab, family: int, places: Sequence[str] = tuple(PLACES[4])) -> list[str]:
    """The same of a lab that stands."""
    with lab.batch():
        return [
            place for place in places
            if fits(lab.probe("client", TARGET[family], "udp/443", source=PLACES[family][place], family=family))
        ]  # fmt: skip


OWN = ["gateway", "gateway's other"]
VARIANTS = {
    # its way back is by the interface that it came in by
    "": ["own", "neighbour"],
    # by any interface at all
    "--loose": ["own", "neighbour", "other side"],
    # of an address of the gateway's own too; in IPv4 it has to be that interface's (fib_info_nh_uses_dev)
    "--accept-local": ["own", "neighbour", "gateway"],
    "--loose --accept-local": ["own", "neighbour", "other side", *OWN],
    "--invert": ["other side", "nowhere", *OWN],
    "--loose --invert": ["nowhere", *OWN],
}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("match", VARIANTS)
def test_the_match_in_its_variants(lab_of: LabOf, family: int, match: str) -> None:
    any_of_its_own = ["gateway's other"] if (family, match) == (6, "--accept-local") else []
    assert seen(lab_of, family, asking(match)) == VARIANTS[match] + any_of_its_own


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("match", "found"), [("", []), ("--validmark", ["nowhere"])])
def test_with_the_packets_mark(lab_of: LabOf, family: int, match: str, found: list[str]) -> None:
    """A source that only a table for marked packets has a way to fits where the match looks it up with the mark."""
    marked = "-A PREROUTING -j MARK --set-mark 5"
    first = {4: "203.0.113.0/24 via 10.0.1.10 table 105", 6: "2001:db8:9::/64 via 2001:db8:1::10 table 105"}
    gateway = {"routes": [*first.values()], "rules": ["fwmark 5 lookup 105 pref 50"]}
    held = asking(match)
    mangled = {
        kind: text.text.replace("*raw", "*mangle").replace(":OUTPUT ACCEPT [0:0]", "").replace(
            "-A PREROUTING -m rpfilter", f"{marked}\n-A PREROUTING -m rpfilter"
        )
        for kind, text in held.parts()
    }  # fmt: skip
    assert seen(lab_of, family, rulesets(mangled["v4"], v6=mangled["v6"]), places=["nowhere"], **gateway) == found


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("look_up", "found"), [("saddr . iif", ["own", "neighbour"]), ("saddr", ["own", "neighbour", "other side"])]
)
def test_fib_of_nft(family: int, look_up: str, found: list[str]) -> None:
    """No address of the node's own has an interface that its way is by."""
    rules = f"""
    table inet t {{ chain p {{ type filter hook prerouting priority raw
        meta l4proto ipv6-icmp accept
        fib {look_up} oif exists accept comment "fits"
        drop comment "other"
    }}
    }}"""
    with Lab(topology(hall()), {"gateway": Rulesets(nft=rendered(rules))}) as lab:
        assert fitting(lab, family) == found


def test_neighbours_are_not_taken_for_forgers(lab_of: LabOf) -> None:
    """Discovery comes from link-local addresses, which have their way back on each link."""
    rules = ("-A PREROUTING -m rpfilter --invert -m comment --comment other -j DROP",)
    lab = lab_of(hall(), gateway=rulesets(table("raw", *rules), v6=table("raw", *rules)))
    assert lab.probe("client", "server", "udp/443", family=6).allowed
