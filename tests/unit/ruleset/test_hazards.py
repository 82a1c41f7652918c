"""What rules may do to a sweep, by their words."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from lab.ruleset.hazards import find_hazards
from lab.ruleset.held import rules_of
from tests.unit.ruleset.made import listed, rule_of

SETS = "create low bitmap:port range 0-65535\ncreate blocked hash:net family inet\n"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT", set()),
        ("-A FORWARD -j NFQUEUE --queue-num 1", {"queues"}),
        ("-A FORWARD -p tcp -j SYNPROXY --mss 1460", {"answers"}),
        ("-A FORWARD -j REJECT --reject-with tcp-reset", {"rejects"}),
        ("-A PREROUTING -j DNAT --to-destination 10.0.0.1", {"translates"}),
        ("-A PREROUTING -p tcp -j REDIRECT --to-ports 1", {"translates"}),
        ("-A POSTROUTING -j MASQUERADE", set()),
        ("-A FORWARD -p udp -m udp --sport 53 -j ACCEPT", {"reads_source_ports"}),
        ("-A FORWARD -p udp -m multiport --ports 53 -j ACCEPT", {"reads_source_ports"}),
        ("-A FORWARD -m set --match-set low src -j ACCEPT", {"reads_source_ports"}),
        ("-A FORWARD -m set --match-set blocked src -j ACCEPT", set()),
        ("-A FORWARD -j TEE --gateway 10.0.0.9", {"copies"}),
    ],
)
def test_rules_of_iptables(rule: str, expected: set[str]) -> None:
    assert {name for name, found in asdict(find_hazards([rule_of(rule)], SETS)).items() if found} == expected


@pytest.mark.parametrize("rule", ["udp sport 67 accept", "@th,0,16 0x43 accept", "tcp dport 2 @th,0,32 . ip saddr @pairs drop"])
def test_rules_of_native_nft(rule: str) -> None:
    found = asdict(find_hazards(rules_of(listed(rule, "meta mark set 0x1", "reject"))))
    assert {name for name in found if found[name]} == {"reads_source_ports", "rejects"}
