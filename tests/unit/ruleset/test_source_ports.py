"""Which source ports a rule tells from others."""

from __future__ import annotations

import pytest

from lab.ruleset.rule import Ports
from lab.ruleset.source_ports import Class, classes, in_line

ALL_BUT_53: Ports = ((0, 52), (54, 65535))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-A INPUT -p tcp -m tcp --sport 53 -j ACCEPT", [(((53, 53),), None)]),
        ("[7:420] -A INPUT -p tcp -m tcp --source-port 1:1023 --dport 22 -j DROP", [(((1, 1023),), ((22, 22),))]),
        ("-I INPUT 2 -p tcp -m tcp ! --sport 53 -j ACCEPT", [(ALL_BUT_53, None)]),
        ("-A INPUT -p tcp -m multiport --sports 20,6000:7000 -j ACCEPT", [(((20, 20), (6000, 7000)), None)]),
        ("-A INPUT -p tcp -m multiport --ports 137:139 -j DROP", [(((137, 139),), None)]),
        ("-A INPUT -m conntrack --ctorigsrcport 500 -j ACCEPT", [(((500, 500),), None)]),
        ("-A INPUT ! -p udp -m conntrack --ctorigsrcport 500 -j ACCEPT", [(((500, 500),), None)]),
        ("-A INPUT -p udp -m udp --sport 67:68 --dport 67:68 -j ACCEPT", []),
        ("-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT", []),
        ('-A INPUT -p tcp -m comment --comment "--sport 53" -j ACCEPT', []),
        ("-A INPUT -p tcp -m tcp --sport domain -j ACCEPT", []),
        ("# -A INPUT -p tcp --sport 53 -j ACCEPT", []),
        ('-A INPUT -m comment --comment "two lines and no port', []),
        (":INPUT DROP [0:0]", []),
    ],
)
def test_rules_of_iptables(line: str, expected: list[tuple[Ports, Ports | None]]) -> None:
    assert in_line("v4", line, "tcp") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tcp sport 53 accept", [(((53, 53),), None)]),
        ("tcp sport != 53 drop", [(ALL_BUT_53, None)]),
        ("th sport { 53, 1000-2000 } tcp dport 80-90 accept", [(((53, 53), (1000, 2000)), ((80, 90),))]),
        ("tcp sport vmap { 53 : accept, 1000-2000 : drop }", [(((53, 53), (1000, 2000)), None)]),
        ("ct original proto-src 500 accept", [(((500, 500),), None)]),
        ("udp sport 53 accept", []),
        ("tcp sport @clients accept", []),
        ('tcp dport 80 comment "tcp sport 53" accept', []),
    ],
)
def test_rules_of_nft(line: str, expected: list[tuple[Ports, Ports | None]]) -> None:
    assert in_line("nft", line, "tcp") == expected


def test_classes_are_what_no_rule_tells_apart() -> None:
    found = classes([((53, 53),), ((0, 99), (40000, 65535))])
    assert found == [
        Class(1, 52, (False, True)), Class(53, 53, (True, True)), Class(54, 99, (False, True)),
        Class(100, 39999, (False, False)), Class(40000, 65535, (False, True)),
    ]  # fmt: skip
    assert classes([]) == [Class(1, 65535, ())]
