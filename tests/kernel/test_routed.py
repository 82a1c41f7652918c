"""By which routing rule, table and route a packet was sent on: what a path says, held against the interface that it left by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.kernel.watch import routing
from lab.kernel.watch.route_keys import decision
from lab.record.path import Path
from lab.record.routed import Routed
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import rendered, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

FAR = "192.0.2.7"
FAR6 = "2001:db8:7::7"


def fork(*rules: str, **gateway: Any) -> dict[str, Any]:
    """A client, and a gateway that has everything beyond by `up`, and in table 102 by `down`; one node has all of it."""
    default = "default via 10.0.9.9 table 102"
    return {
        "topology": "fork",
        "networks": {
            "left": ["10.0.1.0/24", "2001:db8:1::/64"], "up": ["10.0.8.0/24", "2001:db8:8::/64"],
            "down": ["10.0.9.0/24", "2001:db8:9::/64"],
        },
        "nodes": {
            "client": {"role": "client", "interfaces": {"left": ["10.0.1.10", "2001:db8:1::10"]}, "via": "gateway"},
            "gateway": {
                "role": "gateway", "forwards": True, "via": "world", "rules": list(rules),
                "interfaces": {
                    "left": ["10.0.1.1", "2001:db8:1::1"], "up": ["10.0.8.1", "2001:db8:8::1"],
                    "down": ["10.0.9.1", "2001:db8:9::1"],
                },
                "routes": [default, "default via 2001:db8:9::9 table 102"],
            } | gateway,
            "world": {
                "role": "internet", "anyip": True, "via": "gateway",
                "interfaces": {"up": ["10.0.8.9", "2001:db8:8::9"], "down": ["10.0.9.9", "2001:db8:9::9"]},
            },
        },
    }  # fmt: skip


def at_gateway(verdict: Verdict) -> Path:
    (path,) = (one for one in verdict.path if one.node == "gateway")
    return path


def routed(verdict: Verdict) -> Routed:
    found = at_gateway(verdict).routed
    assert found is not None
    assert found.doubt is None, found.doubt
    return found


MARKED = table("mangle", "-A PREROUTING -p tcp -m tcp --dport 443 -j MARK --set-mark 2")


@pytest.mark.parametrize("target", [FAR, FAR6])
def test_by_the_mark_that_a_rule_set(lab_of: LabOf, target: str) -> None:
    lab = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=rulesets(MARKED, v6=MARKED))
    marked, plain = lab.probe("client", target, "tcp/443"), lab.probe("client", target, "tcp/80")
    assert [at_gateway(one).out for one in (marked, plain)] == ["down", "up"]
    via = {FAR: ("10.0.9.9", "10.0.8.9"), FAR6: ("2001:db8:9::9", "2001:db8:8::9")}[target]
    assert routed(marked)[:6] == (2, 2, 102, "102", "100: from all fwmark 0x2 lookup 102", f"default via {via[0]} dev down")
    assert routed(plain)[4:6] == ("32766: from all lookup main", f"default via {via[1]} dev up")
    (missed,) = (one for one in routed(plain).others if one.table == 102)
    assert missed == ("100: from all fwmark 0x2 lookup 102", 102, "mark 0x0")


def test_a_mark_that_is_set_behind_routing_changes_no_way(lab_of: LabOf) -> None:
    lab = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=table("mangle", "-A FORWARD -j MARK --set-mark 2"))
    verdict = lab.probe("client", FAR, "tcp/443")
    assert (at_gateway(verdict).out, at_gateway(verdict).mark) == ("up", 2)
    assert (routed(verdict).pref, routed(verdict).mark) == (32766, 0)


BY_WORD = {
    "from 10.0.1.0/28 lookup 102 pref 100": "from 10.0.1.0/28 lookup 102",
    "to 192.0.2.0/24 lookup 102 pref 100": "from all to 192.0.2.0/24 lookup 102",
    "iif left lookup 102 pref 100": "from all iif left lookup 102",
    "ipproto tcp dport 443-444 lookup 102 pref 100": "from all ipproto tcp dport 443-444 lookup 102",
    "not from 10.0.7.0/24 lookup 102 pref 100": "not from 10.0.7.0/24 lookup 102",
    "uidrange 0-0 lookup 102 pref 100": "from all uidrange 0-0 lookup 102",
    "fwmark 0x0/0xf lookup 102 pref 100": "from all fwmark 0/0xf lookup 102",
}


@pytest.mark.parametrize("rule", BY_WORD)
def test_every_word_of_a_rule_selects_as_the_kernel_does(lab_of: LabOf, rule: str) -> None:
    verdict = lab_of(fork(rule), gateway=table("filter")).probe("client", FAR, "tcp/443")
    found = routed(verdict)
    assert (at_gateway(verdict).out, found.table) == ("down", 102)
    assert found.rule == f"100: {BY_WORD[rule]}"


OTHERS = [
    "from 10.0.1.16/28 lookup 102 pref 100", "to 192.0.2.8 lookup 102 pref 100", "iif up lookup 102 pref 100",
    "ipproto udp lookup 102 pref 100", "ipproto tcp dport 80 lookup 102 pref 100", "not from 10.0.1.0/24 lookup 102 pref 100",
    "iif lo lookup 102 pref 100", "uidrange 1-7 lookup 102 pref 100", "lookup 103 pref 100", "goto 32766 pref 100",
]  # fmt: skip


@pytest.mark.parametrize("rule", OTHERS)
def test_and_passes_over_what_the_kernel_passes_over(lab_of: LabOf, rule: str) -> None:
    verdict = lab_of(fork(rule), gateway=table("filter")).probe("client", FAR, "tcp/443")
    found = routed(verdict)
    assert (at_gateway(verdict).out, found.rule) == ("up", "32766: from all lookup main")
    assert found.others[1].why


def test_routes_that_a_rule_suppresses(lab_of: LabOf) -> None:
    lab = lab_of(fork("lookup main suppress_prefixlength 0 pref 90", "lookup 102 pref 100"), gateway=table("filter"))
    beyond, near = lab.probe("client", FAR, "tcp/443"), lab.probe("client", "10.0.8.9", "tcp/443")
    assert (at_gateway(beyond).out, routed(beyond).pref) == ("down", 100)
    assert (at_gateway(near).out, routed(near).pref, routed(near).route) == ("up", 90, "10.0.8.0/24 dev up")


def test_what_is_refused_by_a_rule(lab_of: LabOf) -> None:
    verdict = lab_of(fork("to 192.0.2.0/24 prohibit pref 100"), gateway=table("filter")).probe("client", FAR, "tcp/443")
    assert verdict.kind is Kind.UNROUTED
    found = routed(verdict)
    assert (found.table, found.refused, found.rule) == (None, "Permission denied", "100: from all to 192.0.2.0/24 prohibit")


def test_behind_the_translation(lab_of: LabOf) -> None:
    """The kernel looks up the address that DNAT made, and the source that came in."""
    translate = "-A PREROUTING -d 198.51.100.7 -j DNAT --to-destination 192.0.2.7"
    masquerade = "-A POSTROUTING -o down -j MASQUERADE"
    lab = lab_of(fork("from 10.0.1.10 to 192.0.2.7 lookup 102 pref 100"), gateway=table("nat", translate, masquerade))
    verdict = lab.probe("client", "198.51.100.7", "tcp/443")
    assert verdict.allowed
    assert (at_gateway(verdict).out, routed(verdict).pref) == ("down", 100)
    (back,) = (one for one in verdict.observation.answer if one.node == "gateway")
    assert back.routed is not None
    assert (back.routed.route, back.routed.name) == ("10.0.1.0/24 dev left", "main")


OUTPUT = "-A OUTPUT -p tcp -m tcp --dport 443 -j MARK --set-mark 2"


def test_its_own_packet_is_routed_anew_by_its_mark(lab_of: LabOf) -> None:
    masquerade = table("nat", "-A POSTROUTING -o down -j MASQUERADE")
    lab = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=table("mangle", OUTPUT) + masquerade)
    marked, plain = lab.probe("gateway@up", FAR, "tcp/443"), lab.probe("gateway@up", FAR, "tcp/80")
    assert [at_gateway(one).out for one in (marked, plain)] == ["down", "up"]
    assert (routed(marked).mark, routed(marked).pref, routed(marked).at) == (2, 100, 2)
    assert (routed(plain).mark, routed(plain).pref, routed(plain).at) == (0, 32766, 0)


@pytest.mark.parametrize("port", [443, 80])
def test_by_its_port_when_it_is_routed_anew(lab_of: LabOf, port: int) -> None:
    """Whether the kernel looks at ports then is its own matter: what is told is what it did."""
    rules = f"fwmark 2 ipproto tcp dport {port} lookup 102 pref 100"
    verdict = lab_of(fork(rules), gateway=table("mangle", OUTPUT)).probe("gateway@up", FAR, "tcp/443")
    assert routed(verdict).mark == 2
    assert (at_gateway(verdict).out, routed(verdict).pref) in (("down", 100), ("up", 32766))


def test_with_the_mark_of_its_socket(lab_of: LabOf) -> None:
    lab = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=table("filter"))
    verdict = lab.probe("gateway@down", FAR, "tcp/443", mark=2)
    assert (at_gateway(verdict).out, routed(verdict).pref, routed(verdict).mark) == ("down", 100, 2)


def test_a_chain_of_type_filter_routes_nothing_anew(lab_of: LabOf) -> None:
    rules = "table inet t { chain o { type filter hook output priority mangle; tcp dport 443 meta mark set 2; }; }"
    lab = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=Rulesets(nft=rendered(rules)))
    verdict = lab.probe("gateway@up", FAR, "tcp/443")
    assert (at_gateway(verdict).out, at_gateway(verdict).mark) == ("up", 2)
    assert (routed(verdict).pref, routed(verdict).mark, routed(verdict).at) == (32766, 0, 0)


def test_what_comes_to_the_node_itself(lab_of: LabOf) -> None:
    verdict = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=table("filter")).probe("client", "10.0.1.1", "tcp/443")
    assert (routed(verdict).rule, routed(verdict).route) == ("0: from all lookup local", "local 10.0.1.1 dev left")


def test_where_there_are_no_rules_nobody_is_asked(lab_of: LabOf) -> None:
    lab = lab_of(fork(), gateway=table("filter"))
    assert at_gateway(lab.probe("client", FAR, "tcp/443")).routed is None
    lab.tell_routing()
    assert routed(lab.probe("client", FAR, "tcp/443")).rule == "32766: from all lookup main"
    assert routed(lab.probe("client", "10.0.1.1", "tcp/443")).rule == "0: from all lookup local"


def test_an_answer_that_cannot_be_the_packet_s_is_told_as_such(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked otherwise than it was routed is seen by the interface that it left by."""
    monkeypatch.setattr(routing, "decision", lambda path, uid: _unmarked(decision(path, uid)))
    lab = lab_of(fork("fwmark 2 lookup 102 pref 100"), gateway=MARKED)
    found = at_gateway(lab.probe("client", FAR, "tcp/443")).routed
    assert found is not None
    assert (found.table, found.doubt) == (None, "asked once more its kernel would send it by up, and it went by down")


def _unmarked(made: Any) -> Any:
    return made and made._replace(key=replace(made.key, mark=0))
