"""What is proposed for pairs of small rulesets: which flow, in which class, by which rules."""

from __future__ import annotations

import gc

from lab.model.proposal import Decision, Proposal, Proposed
from lab.model.propose import propose
from lab.model.stage import stage_of
from lab.record.difference import Aspect
from lab.ruleset.held import Chains
from tests.unit.model.made import RULES, SETS, SITE, listed, saved

_TABLE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
{rules}
COMMIT
"""
_ANSWERS = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"


def _filter(rules: str) -> Chains:
    return saved(_TABLE.format(rules=rules))


def _proposed(old: Chains, new: Chains, old_sets: str = "", new_sets: str = "") -> Proposed:
    stage = stage_of(SITE, "fw", 4)
    return propose(old, new, stage, old_texts={"ipset": old_sets}, new_texts={"ipset": new_sets}, family=4)


def _only(old: Chains, new: Chains) -> Proposal:
    (found,) = _proposed(old, new).proposals
    return found


def _first(old: Chains, new: Chains) -> Proposal:
    """The gravest, and of these the largest."""
    return _proposed(old, new).proposals[0]


def test_a_ruleset_differs_from_itself_in_nothing() -> None:
    assert _proposed(saved(RULES), saved(RULES), SETS, SETS).proposals == ()


def test_a_rule_that_was_added_is_told_with_its_exact_class() -> None:
    found = _only(
        _filter(_ANSWERS), _filter(f"{_ANSWERS}-A FORWARD -s 10.20.0.0/25 -d 10.20.9.0/29 -p tcp --dport 443:444 -j ACCEPT")
    )
    assert (found.aspect, found.flow.node, found.flow.service) == (Aspect.ALLOW, "desk", "tcp/443")
    assert (found.flow.source, found.flow.destination) == ("10.20.0.10", "10.20.9.3")
    assert (found.old, found.new) == (Decision("drop", "filter:FORWARD policy"), Decision("accept", "filter:FORWARD:2"))
    assert found.of.services == ("tcp/443-444",)
    assert found.of.entered == ("lan0",)
    assert found.of.sources == ("10.20.0.2-10.20.0.127",)  # not the network's address, nor the firewall's own
    assert found.of.destinations == ("10.20.9.2-10.20.9.7",)
    assert (found.of.size, found.of.whole) == (126 * 6 * 2, True)
    assert found.rests_on == ()


def test_numbers_that_shift_and_rules_that_count_are_no_difference() -> None:
    rules = f"{_ANSWERS}-A FORWARD -p udp --dport 53 -j ACCEPT"
    assert _proposed(_filter(rules), _filter(f"-A FORWARD -s 10.20.0.7\n{rules}")).proposals == ()


def test_a_rule_that_shadows_nothing_new_is_a_difference_of_rules_alone() -> None:
    rules = f"{_ANSWERS}-A FORWARD -p tcp --dport 80:90 -j ACCEPT"
    found = _only(_filter(rules), _filter(f"-A FORWARD -i lan0 -p tcp --dport 80 -j ACCEPT\n{rules}"))
    assert (found.aspect, found.old.rule, found.new.rule) == (Aspect.RULE, "filter:FORWARD:2", "filter:FORWARD:1")


def test_a_comment_alone_is_a_difference_of_rules() -> None:
    old, new = (f"{_ANSWERS}-A FORWARD -p tcp --dport 80 -m comment --comment {name} -j ACCEPT" for name in ("web", "shop"))
    assert _only(_filter(old), _filter(new)).aspect == Aspect.RULE


def test_dropped_and_rejected_are_told_apart_and_kinds_of_reject_too() -> None:
    drop, one, other = (
        _filter(f"-A FORWARD -p tcp --dport 113 -j {target}")
        for target in ("DROP", "REJECT --reject-with tcp-reset", "REJECT --reject-with icmp-port-unreachable")
    )
    assert (_only(drop, one).aspect, _only(drop, one).new.outcome) == (Aspect.REFUSAL, "reject tcp-reset")
    assert _only(one, other).aspect == Aspect.REFUSAL


def test_another_target_of_a_translation_is_pulled_back_to_what_is_sent() -> None:
    old, new = (RULES, RULES.replace("--to-destination 10.20.9.3:8443", "--to-destination 10.20.9.4:8443"))
    found = _proposed(saved(old), saved(new), SETS, SETS).proposals[0]
    assert (found.aspect, found.flow.destination, found.flow.service) == (Aspect.TRANSLATION, "198.51.100.1", "tcp/443")
    assert found.of.destinations == ("198.51.100.1",)


def test_what_a_rule_behind_a_translation_lets_pass_is_asked_as_it_is_sent() -> None:
    new = RULES.replace("-A from-wan -d 10.20.9.3/32", "-A from-wan -d 10.20.9.4/32")
    found = _proposed(saved(RULES), saved(new), SETS, SETS).proposals
    assert [(one.aspect, one.of.destinations) for one in found] == [
        (Aspect.ALLOW, ("198.51.100.1",)), (Aspect.ALLOW, ("10.20.9.4",)), (Aspect.ALLOW, ("10.20.9.3",)),
    ]  # fmt: skip


def test_a_source_that_becomes_another_is_a_translation() -> None:
    new = RULES.replace("--to-source 203.0.113.1", "--to-source 203.0.113.5")
    found = _proposed(saved(RULES), saved(new), SETS, SETS).proposals
    assert {one.aspect for one in found} == {Aspect.TRANSLATION}
    assert {one.old.rule for one in found} == {
        "filter:from-lan:2", "filter:from-lan:3", "filter:from-lan:4", "filter:icmp-ok:1", "filter:OUTPUT policy",
    }  # fmt: skip


def test_masquerading_is_the_interface_s_address() -> None:
    new = RULES.replace("-o wan0 -j MASQUERADE", "-o wan0 -j SNAT --to-source 198.51.100.1")
    assert _proposed(saved(RULES), saved(new), SETS, SETS).proposals == ()


def test_a_mark_that_leads_by_another_table_is_another_way() -> None:
    new = RULES.replace("--dport 25 -j MARK --set-xmark 0x2/0xffffffff", "--dport 443 -j MARK --set-xmark 0x2/0xffffffff")
    found = _proposed(saved(RULES), saved(new), SETS, SETS).proposals
    assert {one.aspect for one in found} == {Aspect.WAY, Aspect.ALLOW, Aspect.TRANSLATION}
    assert {one.flow.service for one in found} == {"tcp/25", "tcp/443"}


def test_another_prefix_is_a_difference_of_logs() -> None:
    rules = '-A FORWARD -p tcp --dport 23 -j LOG --log-prefix "{}: "'
    found = _only(_filter(rules.format("telnet")), _filter(rules.format("old")))
    assert (found.aspect, found.flow.service) == (Aspect.LOG, "tcp/23")


def test_answers_that_no_rule_lets_back() -> None:
    rules = "-A FORWARD -i lan0 -p udp --dport 53 -j ACCEPT"
    found = _only(_filter(f"{_ANSWERS}{rules}"), _filter(rules))
    assert (found.aspect, found.flow.service, found.flow.node) == (Aspect.ALLOW, "udp/53", "desk")
    assert (found.old.outcome, found.new) == ("its answer: accept", Decision("its answer: drop", "filter:FORWARD policy"))


def test_answers_may_pass_and_what_follows_may_not() -> None:
    rules = "-A FORWARD -i lan0 -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT"
    replies = "-A FORWARD -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT\n"
    found = _only(_filter(f"{_ANSWERS}{rules}"), _filter(f"{replies}{rules}"))
    assert found.new.outcome == "what follows: drop"


def test_segments_that_belong_to_no_connection() -> None:
    rules = "-A FORWARD -i lan0 -p tcp --dport 80 -j ACCEPT"
    invalid = "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
    found = _first(_filter(f"{_ANSWERS}{rules}"), _filter(f"{invalid}{_ANSWERS}{rules}"))
    assert found.aspect == Aspect.ALLOW
    assert found.flow.flags not in ((), ("ack",))


def test_a_bare_ack_is_new_to_conntrack() -> None:
    syn = "-A FORWARD -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP\n"
    rules = "-A FORWARD -i lan0 -p tcp --dport 80 -j ACCEPT"
    assert _first(_filter(f"{_ANSWERS}{rules}"), _filter(f"{_ANSWERS}{syn}{rules}")).flow.flags == ("ack",)


def test_what_is_related_is_counted() -> None:
    old, new = (f"-A FORWARD -m conntrack --ctstate {states} -j ACCEPT" for states in ("RELATED,ESTABLISHED", "ESTABLISHED"))
    found = _proposed(_filter(old), _filter(new))
    assert (found.proposals, found.unsendable) == ((), {"RELATED": 1})


def test_protocols_that_the_lab_has_no_sender_for_are_counted() -> None:
    found = _proposed(_filter(""), _filter("-A FORWARD -p esp -j ACCEPT"))
    assert (found.proposals, found.unsendable) == ((), {"proto/50": 1, "RELATED": 1})


def test_a_class_that_hangs_on_what_nobody_reads_says_so() -> None:
    found = _proposed(_filter(""), _filter("-A FORWARD -i lan0 -p tcp --dport 22 -m limit --limit 3/min -j ACCEPT"))
    assert [one.rests_on for one in found.proposals] == [("limit --limit 3/min",)]
    assert found.but_for == {"limit": 1}


def test_a_flow_that_hangs_on_nothing_is_preferred() -> None:
    new = "-A FORWARD -i lan0 -p tcp --dport 22:23 -j ACCEPT"
    found = _first(_filter("-A FORWARD -p tcp --dport 22 -m limit --limit 3/min -j DROP"), _filter(new))
    assert (found.flow.service, found.rests_on) == ("tcp/23", ())


def test_what_is_in_a_set_counts() -> None:
    rules = saved(RULES)
    found = _proposed(rules, rules, SETS, SETS.replace("add banned 192.0.2.9", "add banned 192.0.2.10"))
    assert all({one.flow.source, one.flow.destination} & {"192.0.2.9", "192.0.2.10"} for one in found.proposals)
    assert {"raw:PREROUTING:1"} <= {one.new.rule for one in found.proposals}


def test_the_order_in_a_set_does_not() -> None:
    rules = saved(RULES)
    turned = "\n".join(sorted(SETS.splitlines(), key=lambda line: (line.startswith("add"), line[::-1])))
    assert _proposed(rules, rules, SETS, turned).proposals == ()


def test_a_policy_counts_as_a_last_rule() -> None:
    found = _proposed(_filter(_ANSWERS), saved(_TABLE.format(rules=_ANSWERS).replace(":FORWARD DROP", ":FORWARD ACCEPT")))
    assert {one.new.rule for one in found.proposals} == {"filter:FORWARD policy"}


def test_a_source_port_is_said_where_it_matters() -> None:
    assert _only(_filter(""), _filter("-A FORWARD -p udp --sport 123 --dport 123 -j ACCEPT")).flow.sport == 123
    assert _only(_filter(""), _filter("-A FORWARD -p udp --sport 1024:65535 --dport 123 -j ACCEPT")).flow.sport is None


_NATIVE = """table ip filter {
\tchain INPUT { # handle 1
\t\ttype filter hook input priority filter; policy accept;
\t}

\tchain FORWARD { # handle 2
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established,related accept # handle 10
\t\tiifname "lan0" tcp dport { 80, 443 } accept # handle 11
\t\tiifname "lan0" ip saddr . udp dport { 10.20.0.10 . 53, 10.20.0.11 . 123 } accept # handle 12
\t\tmeta l4proto vmap { icmp : accept, udp : jump rest } # handle 13
\t}

\tchain rest { # handle 3
\t\tudp dport 4500 limit rate 3/minute burst 5 packets accept # handle 14
\t\treject with icmp admin-prohibited # handle 15
\t}
}
"""
_SAME = f"""{_ANSWERS}-A FORWARD -i lan0 -p tcp -m multiport --dports 80,443 -j ACCEPT
-A FORWARD -i lan0 -s 10.20.0.10/32 -p udp --dport 53 -j ACCEPT
-A FORWARD -i lan0 -s 10.20.0.11/32 -p udp --dport 123 -j ACCEPT
-A FORWARD -p icmp -j ACCEPT
-A FORWARD -p udp -m udp --dport 4500 -m limit --limit 3/min -j ACCEPT
-A FORWARD -p udp -j REJECT --reject-with icmp-admin-prohibited
"""


def test_the_same_in_two_dialects_differs_in_nothing() -> None:
    assert _proposed(_filter(_SAME), listed(_NATIVE)).proposals == ()


def test_what_a_translation_left_out_is_all_that_differs() -> None:
    native = _NATIVE.replace(", 10.20.0.11 . 123", "")
    found = _only(_filter(_SAME), listed(native))
    assert str(found.flow) == "10.20.0.11 > 10.20.9.3 udp/123"
    assert (found.old.outcome, found.new.outcome) == ("accept", "reject icmp-admin-prohibited")


def test_what_the_firewall_itself_sends() -> None:
    answer, found = _proposed(_filter(""), _filter("-A OUTPUT -o dmz0 -p tcp --dport 22 -j DROP")).proposals
    assert (str(found.flow), found.flow.node) == ("10.20.9.1 > 10.20.9.3 tcp/22", "fw")
    assert (answer.flow.node, answer.flow.sport, answer.new.outcome) == ("shop", 22, "its answer: drop")


def test_nothing_of_a_comparison_waits_for_the_collector() -> None:
    """What dd made must not be cleared in any order: its managers count who still refers to them."""
    gc.collect()
    gc.disable()
    try:
        old, new = saved(RULES), saved(RULES.replace("--dport 22 -m comment", "--dport 23 -m comment"))
        assert _proposed(old, new, SETS, SETS).proposals
        left = [one for one in gc.get_objects() if type(one).__module__.startswith("dd.")]
    finally:
        gc.enable()
    assert left == []


def test_conntrack_has_seen_nothing_before_it_is_asked() -> None:
    """In `raw` every packet is INVALID: a rule for new ones matches none there."""
    first = "-A PREROUTING -i wan0 -m set"
    old = RULES.replace(first, f"-A PREROUTING -m conntrack --ctstate NEW -j DROP\n{first}")
    assert _proposed(saved(old), saved(RULES), SETS, SETS).proposals == ()
    assert _proposed(saved(old.replace("ctstate NEW", "ctstate INVALID")), saved(RULES), SETS, SETS).proposals != ()


def test_a_bare_ack_is_never_invalid() -> None:
    rules = "-A FORWARD -i lan0 -p tcp --dport 80 -j ACCEPT"
    acks = f"-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m conntrack --ctstate INVALID -j DROP\n{rules}"
    assert _proposed(_filter(rules), _filter(acks)).proposals == ()


def test_where_both_deny_the_answer_that_is_what_decides() -> None:
    old, new = (f"-A FORWARD -i lan0 -p udp --dport 53 -m comment --comment {name} -j ACCEPT" for name in ("dns", "names"))
    assert _proposed(_filter(old), _filter(new)).proposals == ()
    assert _only(_filter(f"{_ANSWERS}{old}"), _filter(f"{_ANSWERS}{new}")).aspect == Aspect.RULE


def test_what_becomes_what_it_was_is_not_translated() -> None:
    rule = "-A PREROUTING -d 10.20.0.1/32 -i lan0 -p udp --dport {} -j REDIRECT --to-ports 5353\n-A PREROUTING -i lan0 -p udp"
    same, other = (RULES.replace("-A PREROUTING -i lan0 -p udp -m udp --dport 53", f"{rule.format(port)} -m udp --dport 53")
                   for port in (5353, 5354))  # fmt: skip
    assert _proposed(saved(RULES), saved(same), SETS, SETS).proposals == ()
    assert _first(saved(RULES.replace("--dport 5353 -j ACCEPT", "--dport 5353:5354 -j ACCEPT")), saved(
        other.replace("--dport 5353 -j ACCEPT", "--dport 5353:5354 -j ACCEPT"))).aspect == Aspect.TRANSLATION  # fmt: skip


def _masqueraded(raw: str, answers: str, nat: str = "-o wan0 -j MASQUERADE") -> Chains:
    return saved(
        f"*raw\n:PREROUTING ACCEPT [0:0]\n{raw}\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING {nat}\nCOMMIT\n"
        + _TABLE.format(rules=f"-A FORWARD -i wan0 -m conntrack --ctstate {answers} -j ACCEPT\n-A FORWARD -i lan0 -j ACCEPT")
    )


def test_an_answer_comes_to_what_the_source_was_translated_to() -> None:
    """Rules of raw that keep private destinations out of the uplink see no answer: it is turned back behind them."""
    raw = "-A PREROUTING -i wan0 -d 10.0.0.0/8 -j DROP"
    for nat in ("-o wan0 -j MASQUERADE", "-o wan0 -j SNAT --to-source 198.51.100.5"):
        found = _first(_masqueraded(raw, "ESTABLISHED", nat), _masqueraded(raw, "RELATED", nat))
        assert (found.aspect, found.flow.source, found.flow.node) == (Aspect.ALLOW, "10.20.0.10", "desk")
        assert (found.old.outcome, found.new.outcome) == ("its answer: accept", "its answer: drop")


def test_a_changed_rule_that_only_such_answers_meet_is_found() -> None:
    raw = "-A PREROUTING -i wan0 -s 192.0.2.0/24 -d {}/32 -p udp -j DROP"
    old, new = (_masqueraded(raw.format(to), "ESTABLISHED") for to in ("198.51.100.7", "198.51.100.1"))
    services = {(one.flow.node, one.flow.service.partition("/")[0]) for one in _proposed(old, new).proposals}
    assert ("desk", "udp") in services


def test_errors_that_no_longer_come_back_are_told_as_not_sent() -> None:
    """Those of flows that pass: they come by the uplink, from where no flow of their kind could be sent."""
    kept = "-A PREROUTING -i wan0 ! -d 198.51.100.1/32 -j DROP"
    old, new = (_masqueraded(kept, states) for states in ("RELATED,ESTABLISHED", "ESTABLISHED"))
    found = _proposed(old, new)
    assert found.proposals == ()
    assert [*found.unsendable] == ["RELATED"]


def test_a_class_that_has_a_port_by_bare_segments_alone_is_not_whole() -> None:
    """What begins a flow to a published port is translated, and comes to no rule of INPUT; a bare segment does."""
    published = "-A PREROUTING -d 198.51.100.1/32 -p tcp --dport 443 -j DNAT --to-destination 10.20.9.3"
    rules = f"*nat\n:PREROUTING ACCEPT [0:0]\n{published}\nCOMMIT\n" + _TABLE
    old, new = (saved(rules.format(rules=f"-A INPUT -d 198.51.100.1/32 -j {verdict}")) for verdict in ("ACCEPT", "DROP"))
    found = _first(old, new)
    assert (found.of.services[0], found.of.whole) == ("tcp/1-65535", False)


def test_a_class_that_hangs_on_the_source_port_is_not_whole() -> None:
    both = "-A INPUT -p tcp --sport 80 -j {}\n", "-A INPUT -p tcp --sport 40000 -j {}\n"
    for rule in both:
        assert not _first(_filter(rule.format("ACCEPT")), _filter(rule.format("DROP"))).of.whole
    assert _first(_filter("-A INPUT -p tcp -j ACCEPT\n"), _filter("-A INPUT -p tcp -j DROP\n")).of.whole
