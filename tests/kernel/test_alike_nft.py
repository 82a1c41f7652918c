"""Where one port speaks for others past rules of native nft, a packet for each of them says the same."""

from __future__ import annotations

import pytest

from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import SERVER, corridor, rendered
from tests.kernel.test_alike import TO_GATEWAY, TO_SERVER, assert_as_if_each_were_sent, spoken

pytestmark = pytest.mark.kernel

ANSWERS = "ct state vmap { established : accept, related : accept, invalid : drop }"
SCRIPT = """table inet door {{
    set web {{ type inet_service; flags interval; elements = {{ 80, 443, 8000-8010 comment "many, {{ 99 }}" }} }}
    set pairs {{ type ipv4_addr . inet_service; elements = {{ 10.0.2.10 . 2000, 10.0.2.99 . 3000 }} }}
    map ways {{
        type inet_service : verdict; flags interval; elements = {{ 22 : jump odd, 5000-5999 : goto odd, * : continue }}
    }}
    chain odd {{
        tcp dport 5500-5600 reject with tcp reset
        tcp dport {{ 22, 5001 }} counter accept
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        {rules}
    }}
    chain before {{
        type nat hook prerouting priority dstnat; policy accept;
        {nat}
    }}
}}
"""
RULES = {
    "nothing": "",
    "one port": "tcp dport 443 counter accept",
    "ranges and a negation": "tcp dport { 22, 1000-2000 } accept\n tcp dport != 3000-60000 meta l4proto tcp reject",
    "ranges of protocols": "meta l4proto 6-17 th dport 500 drop\n ip protocol <= 17 th dport 502 accept\n"
                           " meta l4proto >= 6 th dport 504 drop",
    "a named set": "ip daddr 10.0.2.10 tcp dport @web accept",
    "sets of pairs": "ip daddr . tcp dport @pairs accept\n ip saddr . tcp dport { 10.0.1.10 . 25, 10.0.1.11 . 26 } accept",
    "maps of verdicts": "tcp dport vmap @ways\n meta l4proto . th dport vmap { tcp . 7000 : accept, udp . 7001 : drop }",
    "a block": "meta l4proto tcp jump { tcp dport 70 accept; tcp dport 80-90 drop; }\n tcp dport < 1024 accept",
    "marks and logs": 'tcp dport 600 meta mark set 7\n limit rate 5/minute log prefix "tcp dport 9 "\n meta mark 7 accept',
}  # fmt: skip


def native(rules: str, nat: str = "") -> Rulesets:
    return Rulesets(nft=rendered(SCRIPT.format(rules=f"{ANSWERS}\n {rules}", nat=nat), "door.nft"))


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_each_range_is_what_a_packet_for_every_port_finds(lab_of: LabOf, rules: str) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/443", "tcp/5001"]}), gateway=native(rules))
    assert_as_if_each_were_sent(lab, TO_SERVER, "tcp/1-9000")


@pytest.mark.parametrize(
    "nat",
    [
        f"tcp dport 80-90 dnat ip to {SERVER}:8080",
        f"dnat ip to tcp dport map {{ 81 : {SERVER}, 90-95 : {SERVER} }}",
        f"dnat ip addr . port to tcp dport map {{ 81 : {SERVER} . 8080, 82 : {SERVER} . 22 }}",
    ],
)
def test_past_a_translation(lab_of: LabOf, nat: str) -> None:
    lab = lab_of(corridor(), gateway=native("tcp dport { 85, 8080 } ct status dnat accept", nat))
    assert_as_if_each_were_sent(lab, TO_GATEWAY, "tcp/1-9000")


def test_every_port_of_all_rules_together(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/443"]}), gateway=native("\n".join(RULES.values())))
    assert_as_if_each_were_sent(lab, TO_SERVER)


@pytest.mark.parametrize(
    "rules",
    ["tcp sport 1-40000 accept", "numgen random mod 2 vmap { 0 : accept }", "@th,20,8 80 drop"],
)
def test_what_cannot_be_read_is_not_told(lab_of: LabOf, rules: str) -> None:
    assert spoken(lab_of(corridor(), gateway=native(f"meta l4proto tcp {rules}")), TO_SERVER, "tcp/1-99").sent == 99


def test_a_set_that_a_rule_writes_is_not_told(lab_of: LabOf) -> None:
    seen = "set seen { type inet_service; flags dynamic; size 9; elements = { 80 } }"
    policy = native("tcp dport @seen accept\n udp dport 9 add @seen { udp dport }")
    script = policy.nft.text.replace("    set web", f"    {seen}\n    set web") if policy.nft else ""
    lab = lab_of(corridor(), gateway=Rulesets(nft=rendered(script, "door.nft")))
    assert spoken(lab, TO_SERVER, "tcp/1-99").sent == 99
