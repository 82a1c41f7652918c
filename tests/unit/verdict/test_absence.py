"""Verdicts that rest on what is not there: which rules would have had a say, and for which packets."""

from __future__ import annotations

from dataclasses import replace

from lab.record.path import End, Path, Rule, Step
from lab.record.verdict import Kind, Verdict
from lab.ruleset.absent import Here
from lab.ruleset.held import ChainKey, HeldChain, HeldRule
from lab.verdict.absence import Absences
from lab.written.topology import Topology
from tests.unit.verdict.made import SYN, dropped, observed, passed, rule, verdict

MAC = "-p tcp -m mac --mac-source 00:16:3e:0a:0b:0c"
POLICY = rule(target="DROP", number=None)
OPEN = rule("open", number=9)
TOPOLOGY = Topology.model_validate(
    {
        "topology": "made",
        "networks": {"lan": "10.0.1.0/24", "dmz": "10.0.2.0/24"},
        "nodes": {
            "client": {"role": "client", "interfaces": {"lan": "10.0.1.10"}},
            "gateway": {"role": "gateway", "interfaces": {"lan": "10.0.1.1", "dmz": "10.0.2.1"}, "forwards": True},
            "server": {"role": "backend", "interfaces": {"dmz": "10.0.2.10"}},
        },
    }
)
DENIED = verdict(Kind.DROPPED, observation=observed(dropped(POLICY)), rule=POLICY)
ALLOWED = verdict(observation=observed(passed(OPEN)), rule=OPEN)


def told(
    of: Verdict, *rules: Rule, ports: tuple[tuple[int, int], ...] = (), as_user: bool = False
) -> tuple[str, ...]:
    here = {"gateway": Here({"lan", "dmz"}, {"guests"})}
    chains: dict[ChainKey, HeldChain] = {}
    for one in (*rules, POLICY, OPEN):
        key = one.family, one.table, one.chain
        chain = chains.get(key) or HeldChain(*key, ())
        if one.number is None:
            chains[key] = replace(chain, policy=one.target)
        else:
            matches = None if one.family == "inet" or not one.text.startswith("-") else ()
            of_it = HeldRule(*key, one.number, one.text, one.comment, one.target, matches=matches, source=one.source)
            chains[key] = replace(chain, rules=(*chain.rules, of_it))
    return Absences(TOPOLOGY, {"gateway": chains}, here).behind([(of, ports)], "client", as_user=as_user)


def test_a_denied_packet_passed_over_a_rule_that_accepts() -> None:
    (words,) = told(DENIED, replace(rule("mailer", options=MAC), source="policies/gw.rules:7"))
    assert words.startswith("gateway filter:FORWARD:1 (mailer) [policies/gw.rules:7] was passed over for want of ")
    assert "a sender with the hardware address 00:16:3e:0a:0b:0c" in words


def test_an_allowed_packet_passed_over_a_rule_that_drops() -> None:
    assert len(told(ALLOWED, rule(target="DROP", options=MAC))) == 1
    assert told(ALLOWED, rule(target="ACCEPT", options=MAC)) == ()


def test_a_user_who_was_said_is_not_wanting() -> None:
    owner = rule(target="DROP", options="-m owner --uid-owner 33")
    assert [len(told(ALLOWED, owner, as_user=said)) for said in (False, True)] == [1, 0]
    assert len(told(ALLOWED, rule(target="DROP", options=MAC), as_user=True)) == 1


def test_what_a_node_sends_to_itself_came_by_its_loopback() -> None:
    out, back = replace(passed(OPEN), out="lo"), passed(OPEN)
    itself = verdict(observation=observed(out, back), rule=OPEN)
    by_tun, by_lo = rule(target="DROP", options="-i tun0"), replace(rule(options="-i lo"), number=2)
    assert len(told(itself, by_tun)) == 1
    assert told(itself, by_tun, by_lo) == ()  # the rules name the packet's own interface


def test_a_rule_that_denies_says_nothing_of_a_denied_packet() -> None:
    assert told(DENIED, rule(target="DROP", options=MAC)) == ()
    assert told(DENIED, rule(target="LOG", options=MAC)) == ()


def test_a_rule_that_returns_says_it_of_both() -> None:
    assert len(told(DENIED, rule(target="RETURN", options=MAC))) == 1
    assert len(told(ALLOWED, rule(target="RETURN", options=MAC))) == 1


def test_a_rule_behind_the_one_that_decided() -> None:
    assert told(ALLOWED, rule(target="DROP", options=MAC, number=10)) == ()


def test_a_rule_about_other_packets() -> None:
    assert told(DENIED, rule(options=f"{MAC} -m tcp --dport 25")) == ()
    assert told(DENIED, rule(options=f"{MAC} -s 10.0.9.0/24")) == ()
    assert told(DENIED, rule(options=f"{MAC} -i dmz")) == ()
    assert len(told(DENIED, rule(options=f"{MAC} -i lan -s 10.0.1.0/24 -m tcp --dport 443"))) == 1


def test_a_range_speaks_for_all_of_its_ports() -> None:
    one = rule(options=f"{MAC} -m tcp --dport 1500")
    assert told(DENIED, one) == ()
    assert len(told(DENIED, one, ports=((1000, 1999),))) == 1


def test_a_rule_of_a_chain_that_the_packet_never_entered() -> None:
    assert told(DENIED, rule(options=MAC, chain="INPUT")) == ()
    assert told(DENIED, rule(options=MAC, table="mangle")) == ()


def test_an_accept_of_another_table_decides_nothing() -> None:
    early = rule("pass", table="mangle", number=2)
    seen = verdict(Kind.DROPPED, observation=observed(dropped(POLICY, early)), rule=POLICY)
    assert told(seen, rule(options=MAC, table="mangle")) == ()


def test_a_translation_before_the_decision_could_change_it() -> None:
    before = Step("prerouting", "nat", "PREROUTING", None, "accept", "nat")
    way = Path("gateway", SYN, (before, *dropped(POLICY).steps), End.DROPPED)
    seen = verdict(Kind.DROPPED, observation=observed(way), rule=POLICY)
    assert len(told(seen, rule(target="DNAT", options=MAC, table="nat", chain="PREROUTING"))) == 1


def test_a_jump_counts_by_where_it_leads() -> None:
    jump = rule(target="guests", options=MAC)
    assert told(DENIED, jump, rule(target="LOG", chain="guests")) == ()
    assert len(told(DENIED, jump, rule(target="deeper", chain="guests"), rule(chain="deeper"))) == 1


def test_an_interface_that_the_node_lacks() -> None:
    (words,) = told(DENIED, rule(options="-i tun7 -p tcp"))
    assert "for want of the interface tun7" in words
    assert told(DENIED, rule(options="-i tun7 -p udp")) == ()


def test_a_rule_that_decided_by_the_contrary() -> None:
    by = rule("no-guests", "DROP", options="-m set ! --match-set guests src")
    (words,) = told(verdict(Kind.DROPPED, observation=observed(dropped(by)), rule=by), by)
    assert "(no-guests) matched for want of an entry in the set guests, which is empty" in words


def test_a_rule_on_another_interface_is_no_matter_where_the_rules_name_the_packet_s_own() -> None:
    other = rule(target="ACCEPT", options="-i tun7 -p tcp")
    assert len(told(DENIED, other, rule("dmz", number=3, options="-i dmz -p tcp"))) == 1
    for own in ("-i lan", "-i la+", "! -i lan"):
        assert told(DENIED, other, rule("own", number=3, options=f"{own} -p tcp")) == ()


def test_an_interface_that_a_packet_did_not_come_by_is_no_matter() -> None:
    by = rule("elsewhere", "DROP", options="! -i tun7")
    assert told(verdict(Kind.DROPPED, observation=observed(dropped(by)), rule=by), by) == ()


def test_what_a_helper_expects_is_related() -> None:
    assert len(told(DENIED, rule(options="-m helper --helper ftp -m conntrack --ctstate RELATED"))) == 1
    assert told(DENIED, rule(options=f"{MAC} -m conntrack --ctstate ESTABLISHED")) == ()


def test_one_sentence_for_all_rules_of_a_kind() -> None:
    (words,) = told(DENIED, *(rule(options=MAC, number=number) for number in (1, 2, 3)))
    assert words.endswith("(and so 2 more rules)")


def test_rules_of_nft() -> None:
    text = "ether saddr 00:16:3e:0a:0b:0c tcp dport 443 accept"
    one = Rule("gateway", "filter", "FORWARD", 1, text, target="accept", family="inet")
    assert len(told(DENIED, one)) == 1
    assert told(DENIED, replace(one, family="ip6")) == ()
    assert told(DENIED, replace(one, text="ether saddr 00:16:3e:0a:0b:0c udp dport 443 accept")) == ()
