"""What printed lines of routes and rules do in the kernel: each word that has an effect, and what is there already."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kernel.ground import tools
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, table

pytestmark = pytest.mark.kernel

OPEN = table("filter")
TO = "192.0.2.7"


def shown(lab: Any, node: str, *words: str) -> list[str]:
    """Lines that ip(8) prints in a node, each without blanks at its end."""
    done = tools.run(lab.network.nodes[node].namespace, ["ip", *words])
    assert done.code == 0, done.err
    return [line.rstrip() for line in done.out.splitlines()]


def forked(**gateway: Any) -> dict[str, Any]:
    """A gateway with two ways to 192.0.2.0/24, by `server` and by `other`; both own all of it."""
    ports = {"left": "10.0.1.1", "right": "10.0.2.1", "second": ["10.0.3.1", "10.0.3.9"]}
    stage = corridor(
        gateway={"interfaces": ports, **gateway},
        server={"anyip": ["192.0.2.0/24"]},
        other={"role": "backend", "interfaces": {"second": "10.0.3.2"}, "anyip": ["192.0.2.0/24"], "via": "gateway"},
    )
    stage["networks"]["second"] = "10.0.3.0/24"
    return stage


BY_SERVER, BY_OTHER = "via 10.0.2.10 dev right", "via 10.0.3.2 dev second"
PLAIN = f"default {BY_SERVER}"
SEVEN = (f"default {BY_OTHER} table 7", "10.0.1.0/24 dev left table 7")


@pytest.mark.parametrize(
    ("routes", "rules", "taken"),
    [
        ([f"default {BY_SERVER} proto dhcp metric 600", f"default {BY_OTHER} proto dhcp metric 100"], [], "second"),
        ([f"default {BY_SERVER} metric 100", f"default {BY_OTHER} metric 600"], [], "right"),
        ([PLAIN, *SEVEN, "throw 192.0.2.0/25 table 7"], "100: from all lookup 7", "right"),
        ([PLAIN, *SEVEN, "throw 192.0.2.128/25 table 7"], "100: from all lookup 7", "second"),
        # what main knows beside its default route goes before the tunnel
        ([PLAIN, f"192.0.2.0/24 {BY_OTHER}", f"default {BY_SERVER} table 7"],
         ["100: from all lookup main suppress_prefixlength 0", "101: from all lookup 7"], "second"),
        ([PLAIN, *SEVEN],
         ["100: from all lookup main suppress_prefixlength 0", "101: from all lookup 7"], "second"),
        ([PLAIN, *(route.replace("table 7", "table dsl-2") for route in SEVEN)], "100: from all lookup dsl-2", "second"),
        ([PLAIN, *SEVEN], "100: not from all fwmark 0xca6c lookup 7", "second"),
        ([PLAIN, *SEVEN], "100: from all ipproto tcp dport 443 lookup 7", "second"),
        ([PLAIN, *SEVEN], "100: from all ipproto tcp dport 444-500 lookup 7", "right"),
        ([PLAIN, *SEVEN], "100: from all ipproto udp lookup 7", "right"),
        # a whole list in which the local table comes last: the gateway sends even what is for itself on
        ([PLAIN, "local 192.0.2.7 dev lo table local", f"192.0.2.7 {BY_OTHER}"],
         ["9: from all lookup main suppress_prefixlength 0", "10: from all lookup local", "32766: from all lookup main"],
         "second"),
        ([PLAIN, *SEVEN], ["50: from all goto 200", "100: from all unreachable", "200: from all lookup 7"], "second"),
        ([f"{PLAIN}\n192.0.2.0/24 via 10.0.3.2 dev second onlink"], [], "second"),
        ([f"default metric 5\n\tnexthop {BY_OTHER} weight 2\n\tnexthop via 10.0.3.2 dev second weight 1"], [], "second"),
    ],
)  # fmt: skip
def test_which_way_is_taken(lab_of: LabOf, routes: list[str], rules: list[str], taken: str) -> None:
    lab = lab_of(forked(routes=routes, rules=rules), gateway=OPEN)
    verdict = lab.probe("client", {"at": "other" if taken == "second" else "server", "address": TO}, "tcp/443")
    assert verdict.allowed, verdict.proof
    assert [path.out for path in verdict.path] == [taken]


@pytest.mark.parametrize("rule", ["100: from all to 192.0.2.0/25 unreachable", "100: from all iif left prohibit"])
def test_a_rule_that_refuses(lab_of: LabOf, rule: str) -> None:
    verdict = lab_of(forked(routes=PLAIN, rules=rule), gateway=OPEN).probe("client", {"at": "server", "address": TO}, "tcp/443")
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway"), verdict.proof


@pytest.mark.parametrize(
    ("routes", "rules", "source"),
    [
        (f"default {BY_OTHER} src 10.0.3.9", [], "10.0.3.9"),
        (f"default {BY_OTHER}", [], "10.0.3.1"),
        ([f"default {BY_OTHER} src 10.0.3.9", f"default {BY_OTHER} src 10.0.2.1 table 7"], "9: from all uidrange 0-0 lookup 7",
         "10.0.2.1"),
        ([f"default {BY_OTHER} src 10.0.3.9", f"default {BY_OTHER} src 10.0.2.1 table 7"],
         "9: from all uidrange 7777-7779 lookup 7", "10.0.3.9"),
    ],
)  # fmt: skip
def test_the_source_of_the_nodes_own_packets(lab_of: LabOf, routes: list[str], rules: list[str], source: str) -> None:
    lab = lab_of(forked(routes=routes, rules=rules), gateway=OPEN)
    verdict = lab.probe("gateway", {"at": "other", "address": TO}, "udp/4500")
    assert verdict.observation.sent.source == source, verdict.proof


def test_a_whole_list_is_taken_back_as_it_was_printed(lab_of: LabOf) -> None:
    """What a node prints of all its tables and rules makes the same node once more."""
    ports = {"left": ["10.0.1.1", "2001:db8:1::1"], "right": "10.0.2.1", "second": ["10.0.3.1", "10.0.3.9"]}
    written = {
        "interfaces": ports,
        "routes": [
            f"default {BY_SERVER} metric 600", f"default {BY_OTHER} src 10.0.3.9 table 51820", "throw 10.0.0.0/8 table 52",
            "unreachable default metric 4294967295", "192.0.2.0/24 dev second mtu 1400", "local default dev lo table 100",
            "198.51.100.0/24 nexthop via 10.0.2.10 dev right weight 1 nexthop via 10.0.3.2 dev second weight 2",
            "default via 2001:db8:1::9 dev left metric 77", "10.0.3.0/24 dev second proto kernel scope link metric 30",
        ],
        "rules": ["9: from all to 10.0.0.0/8 lookup 52", "not from all fwmark 0xca6c lookup 51820 pref 32765"],
    }  # fmt: skip
    commands = [(family, *of) for of in (("route", "show", "table", "all"), ("rule",)) for family in ("-4", "-6")]

    def stage(**keys: Any) -> dict[str, Any]:
        made = forked(**{"interfaces": ports, **keys})
        made["networks"]["left"] = ["10.0.1.0/24", "2001:db8:1::/64"]
        return made

    def listed(lab: Any) -> list[str]:
        return ["\n".join(line for line in shown(lab, "gateway", *words) if "fe80::" not in line) for words in commands]

    first = listed(lab_of(stage(**written), gateway=OPEN))
    four, six, rules, six_rules = first
    routes = [f"ip -4 route\n{four}", f"ip -6 route\n{six}"]
    again = stage(routes=routes, rules=[f"ip -4 rule\n{rules}", f"ip -6 rule\n{six_rules}"])
    assert listed(lab_of(again, gateway=OPEN)) == first
    assert "metric 30" in four
    assert "nexthop via 10.0.3.2 dev second weight 2" in four
