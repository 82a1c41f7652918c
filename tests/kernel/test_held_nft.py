"""What a node's nf_tables hold: rules of iptables, of native nft, and of both in one chain."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.ruleset.rulesets import Rulesets
from tests.kernel.by_hand import RULES, SCRIPT, change, reread, sources, told
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rendered

pytestmark = pytest.mark.kernel


def test_of_two_rules_of_one_text_the_handle_tells_which_is_left(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    change(lab, "iptables-nft -D FORWARD 3")
    assert sources(reread(lab)) == ["gateway.rules:6", "gateway.rules:7", "gateway.rules:9"]


def test_native_rules_of_every_origin(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=Rulesets(nft=rendered(SCRIPT, "door.nft")))
    change(lab, "nft insert rule inet door forward tcp dport 22 drop", "nft add table ip other")
    again = reread(lab)
    assert told(again) == [
        ("forward", 1, "tcp dport 22 drop", None), ("forward", 2, "tcp dport 80 accept", "door.nft:5"),
        ("forward", 3, "meta l4proto udp jump { udp dport 53 accept; udp dport 54 drop }", "door.nft:6"),
        ("forward", 4, "ip saddr @friends accept", "door.nft:7"),
        ("block 1", 1, "udp dport 53 accept", "door.nft:6"), ("block 1", 2, "udp dport 54 drop", "door.nft:6"),
    ]  # fmt: skip
    assert again.chains["inet", "door", "forward"].policy == "drop"


def test_a_native_rule_within_a_chain_of_iptables_is_read_as_nft_says_it(lab_of: LabOf) -> None:
    """`iptables-save` prints such a rule without what it has no words for: as one that accepts everything."""
    lab = lab_of(corridor(), gateway=RULES)
    guests = "nft add set ip filter guests { type ipv4_addr; }"
    change(lab, guests, "nft insert rule ip filter FORWARD ip saddr @guests counter accept")
    again = reread(lab)
    first, *others = [rule for rule in again.rules() if rule.chain == "FORWARD"]
    assert (first.text, first.source, first.is_native) == ("ip saddr @guests counter accept", None, True)
    assert [rule.number for rule in others] == [2, 3, 4, 5]
    assert sources(again, "web") == ["gateway.rules:10"]
    assert not again.counts_all


def test_rules_of_the_other_dialect_beside_what_was_loaded(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=Rulesets(nft=rendered(SCRIPT, "door.nft")))
    change(lab, "iptables-nft -A FORWARD -p tcp -m limit --limit 1/sec -j DROP")
    again = reread(lab)
    (rule,) = [rule for rule in again.rules() if not rule.is_native]
    assert (rule.text, rule.remembers) == ("-A FORWARD -p tcp -m limit --limit 1/sec -j DROP", True)


def test_sets_that_rules_ask_are_read_with_them(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    change(lab, "ipset create low bitmap:port range 0-99", "iptables-nft -A FORWARD -m set --match-set low src -j DROP")
    again = reread(lab)
    assert "create low bitmap:port" in again.texts["ipset"]
    assert again.here({"left", "right"}).empty == {"low"}


def test_what_blinds_the_lab_is_refused_whoever_put_it_there(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    change(lab, "nft add table inet x", "nft add chain inet x c", "nft add rule inet x c meta nftrace set 0")
    with pytest.raises(InputError, match="can switch off the trace"):
        reread(lab)


def test_a_table_of_one_of_the_labs_names_that_has_no_owner_is_refused(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULES)
    change(lab, "nft add table ip lab_trace")
    with pytest.raises(InputError, match="are the lab's own names"):
        reread(lab)
