"""Which rules that remember stand in a flow's way."""

from __future__ import annotations

import pytest

from lab.ruleset.memories import Flow, Memories
from tests.unit.ruleset.made import GATEWAY, rules_in_the_way, saved

TCP_443 = ("tcp", [(443, 443)])


def met(text: str, flow: tuple[str, list[tuple[int, int]]] = TCP_443, at: str = "server", *, logs: bool = False) -> list[str]:
    proto, ports = flow
    return [
        f"{rule.table}:{rule.chain}:{rule.number}"
        for rule in rules_in_the_way(saved(text), Flow(4, proto, tuple(ports), ("client", at)), logs=logs)
    ]


def forward(*rules: str, flow: tuple[str, list[tuple[int, int]]] = TCP_443, logs: bool = False) -> list[str]:
    lines = ("*filter", ":FORWARD DROP", ":mine - [0:0]", ":other - [0:0]", *rules, "COMMIT")
    return met("\n".join(lines), flow, logs=logs)


REMEMBERING = [
    "-m limit --limit 5/min -j ACCEPT", "-m hashlimit --hashlimit-upto 5/sec --hashlimit-name x -j DROP",
    "-m connlimit --connlimit-above 3 -j REJECT", "-m quota --quota 5 -j RETURN",
    "-m statistic --mode nth --every 2 -j ACCEPT",
]


def test_a_comment_is_no_option_that_names_a_set() -> None:
    asks = '-A FORWARD -m set --match-set blocked src -m comment --comment "--match-set" -j DROP'
    assert forward(asks, '-A FORWARD -m comment --comment "--add-set" -j SET --add-set seen src') == []
    assert forward(asks, "-A FORWARD -m comment --comment --comment -j SET --add-set blocked src") == [
        "filter:FORWARD:1", "filter:FORWARD:2",
    ]  # fmt: skip


@pytest.mark.parametrize("options", REMEMBERING)
def test_rules_that_remember(options: str) -> None:
    assert forward(f"-A FORWARD {options}") == ["filter:FORWARD:1"]


@pytest.mark.parametrize("options", [
    "-j ACCEPT", "-m conntrack --ctstate NEW -j ACCEPT", "-m connbytes --connbytes 10: -j ACCEPT",
    "-m connmark --mark 1 -j ACCEPT", "-m limit --limit 5/min", "-m set --match-set good src -j ACCEPT",
    '-m comment --comment "-m limit" -j ACCEPT',
])
def test_rules_that_do_not(options: str) -> None:
    assert forward(f"-A FORWARD {options}") == []


def test_a_limited_log_counts_only_where_logs_are_expected() -> None:
    rule = "-A FORWARD -m limit --limit 5/min -j NFLOG"
    assert forward(rule) == []
    assert forward(rule, logs=True) == ["filter:FORWARD:1"]


def test_a_set_that_rules_write_is_state() -> None:
    assert forward(
        "-A FORWARD -m set --match-set bad src -j DROP", "-A FORWARD -m set --match-set good src -j ACCEPT",
        "-A FORWARD -p udp -j SET --add-set bad src",
    ) == ["filter:FORWARD:1", "filter:FORWARD:3"]


LIMIT = "-m limit --limit 5/min -j ACCEPT"


@pytest.mark.parametrize(("options", "flow", "expected"), [
    ("-p udp", TCP_443, False),
    ("-p tcp", TCP_443, True),
    ("-p 6", TCP_443, True),
    ("! -p tcp", TCP_443, False),
    ("! -p udp", TCP_443, True),
    ("-p tcp --dport 22", TCP_443, False),
    ("-p tcp --dport 400:500", TCP_443, True),
    ("-p tcp ! --dport 443", ("tcp", [(443, 443)]), True),  # an answer's port is not 443
    ("-p tcp -m multiport --dports 22,443", TCP_443, True),
    ("-p tcp -m multiport --ports 22", TCP_443, True),
    ("-p tcp --sport 22", TCP_443, True),
    ("-p tcp --dport ssh", TCP_443, True),
    ("-p tcp --dport 8080", TCP_443, False),
    ("-p tcp --dport 1024:65535", TCP_443, True),
    ("-p tcp --dport 8080", ("tcp", [(1, 65535)]), True),
    ("-p icmp", TCP_443, False),
    ("-p icmp", ("udp", [(53, 53)]), True),  # an error from further on
    ("-p icmp --icmp-type 8", ("udp", [(53, 53)]), False),
    ("-p icmp", ("icmp", []), True),
    ("-p ipv6-icmp", ("icmpv6", []), True),
    ("-p tcp --dport 22", ("any", []), True),
])
def test_protocol_and_port_leave_out_what_cannot_match(
    options: str, flow: tuple[str, list[tuple[int, int]]], expected: bool
) -> None:
    assert bool(forward(f"-A FORWARD {options} {LIMIT}", flow=flow)) is expected


def test_a_reject_of_the_nodes_own_meets_output() -> None:
    text = f"*filter\n:OUTPUT ACCEPT\n:INPUT DROP\n-A OUTPUT -p icmp {LIMIT}\n-A INPUT -p icmp {LIMIT}\nCOMMIT\n"
    assert met(text, at="gateway") == ["filter:OUTPUT:1"]


def test_only_chains_that_the_flow_can_enter() -> None:
    assert forward(
        "-A FORWARD -p udp -j other", "-A FORWARD -p tcp --dport 443 -g mine", f"-A other {LIMIT}", f"-A mine {LIMIT}",
        f"-A INPUT {LIMIT}",
    ) == ["filter:mine:1"]


def test_chains_in_a_circle_end() -> None:
    assert forward("-A FORWARD -j mine", "-A mine -j other", "-A other -j mine", f"-A other {LIMIT}") == ["filter:other:2"]


def test_every_table() -> None:
    text = f"*mangle\n-A FORWARD {LIMIT}\nCOMMIT\n*filter\n-A FORWARD {LIMIT}\nCOMMIT\n"
    assert met(text) == ["mangle:FORWARD:1", "filter:FORWARD:1"]


NAT = "*nat\n:PREROUTING ACCEPT\n{nat}\nCOMMIT\n*filter\n:FORWARD DROP\n-A FORWARD -p tcp --dport 8443 {limit}\nCOMMIT\n"


@pytest.mark.parametrize(("nat", "expected"), [
    ("-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 10.0.0.1:8443", True),
    ("-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 10.0.0.1:8000-9000", True),
    ("-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 10.0.0.1:9000", False),
    ("-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 10.0.0.1", False),
    ("-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination [2001:db8::1]:8443", True),
    ("-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 2001:db8::8443", False),
    ("-A PREROUTING -p tcp --dport 443 -j REDIRECT --to-ports 8443", True),
    ("-A PREROUTING -p tcp --dport 443 -j REDIRECT", False),
    ("-A PREROUTING -p tcp --dport 22 -j DNAT --to-destination 10.0.0.1:8443", False),
    ("-A PREROUTING -p udp -j DNAT --to-destination 10.0.0.1:8443", False),
    ("-A PREROUTING -j ACCEPT", False),
])
def test_ports_that_nat_may_have_put_there(nat: str, expected: bool) -> None:
    assert bool(met(NAT.format(nat=nat, limit=LIMIT))) is expected


def test_before_nat_the_port_is_the_flows_own() -> None:
    text = (f"*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 8443 {LIMIT}\nCOMMIT\n"
            "*nat\n-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 10.0.0.1:8443\nCOMMIT\n")
    assert met(text) == []


def test_one_reading_for_many_flows() -> None:
    rules = Memories(GATEWAY, {"gateway": saved(f"*filter\n-A FORWARD -p tcp --dport 443 {LIMIT}\nCOMMIT\n")})
    flow = Flow(4, "tcp", ((443, 443),), ("client", "server"))
    assert [memory.name for memory in rules.in_the_way(flow)] == ["FORWARD:1"]
    assert rules.in_the_way(flow._replace(proto="udp")) == ()
    assert rules.in_the_way(flow._replace(family=6)) == ()
