"""What is no difference, what is not confirmed, not proven, not sent; and a study that is interrupted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import InputError, MeasurementError, Problem
from lab.kernel.ground.tools import run
from lab.kernel.watch.instrument import Instrument
from lab.lab import Lab
from lab.model.proposal import Proposed
from lab.record.difference import Aspect
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from lab.study.diff import sample
from lab.study.diff.diff import diff
from lab.study.diff.proposer import Holds
from lab.study.diff.sides import Both, Sides
from lab.watching import Watching
from lab.written.topology import Topology
from tests.kernel.diffs import ANSWERS, NFT, OUTER, STAGE, WEB, asking, compared, forward, scene
from tests.kernel.scenes import rendered, rulesets, table

pytestmark = pytest.mark.kernel

POLICY = rulesets(
    table("nat", f"-A PREROUTING -d {OUTER} -p tcp --dport 443 -j DNAT --to-destination {WEB}:8443",
          "-A POSTROUTING -o ppp0 -j MASQUERADE")
    + table(
        "filter", ANSWERS, '-A FORWARD -p tcp -m tcp --dport 80:8443 -j LOG --log-prefix "tcp "', "-A FORWARD -j to-web",
        "-A FORWARD -i eth0 -j ACCEPT", "-A FORWARD -j REJECT --reject-with icmp-admin-prohibited",
        "-A to-web -d 10.7.2.10/32 -p tcp -m multiport --dports 80,8443 -j ACCEPT",
        **{"to-web": "-"},
    )
)  # fmt: skip


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST", 60)
    monkeypatch.setattr(sample, "AT_RANDOM", 10)


def test_the_same_is_built_once_and_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(Sides, "ask", lambda *of, **_: asked.append(of))
    built: list[object] = []
    begins = Watching.begin

    def begin(watching: Watching) -> None:
        built.append(watching)
        begins(watching)

    monkeypatch.setattr(Watching, "begin", begin)
    report = compared(POLICY, POLICY, proposer=asking("office > 10.7.2.10 tcp/80"))
    assert (report.differences, report.exit_code, report.reached.asked) == ((), 0, 0)
    assert (asked, len(built)) == ([], 1)


def test_after_save_and_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab(STAGE, {"gateway": POLICY}) as lab:
        saved = run(lab.network.nodes["gateway"].namespace, ["iptables-nft-save", "-c"]).out
    asked: list[object] = []
    monkeypatch.setattr(Sides, "ask", lambda *of, **_: asked.append(of))
    report = compared(POLICY, Rulesets(v4=rendered(saved, "saved.rules")))
    assert (report.differences, report.exit_code, asked) == ((), 0, [])


@pytest.mark.usefixtures("few_samples")
def test_rules_that_only_count() -> None:
    counting = ("-A FORWARD -s 10.7.1.9/32", ANSWERS, "-A FORWARD -d 10.7.2.0/24 -p udp", "-A FORWARD -i eth0 -j ACCEPT")
    report = compared(forward("-A FORWARD -i eth0 -j ACCEPT"), rulesets(table("filter", *counting, FORWARD="DROP")))
    assert (report.differences, report.exit_code) == ((), 0)
    assert report.reached.asked > 20


TRANSLATED = """table ip nat {
    chain PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr 198.51.100.1 tcp dport 443 dnat to 10.7.2.10:8443
    }
    chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; oifname "ppp0" masquerade; }
}
table ip filter {
    chain FORWARD {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        tcp dport 80-8443 log prefix "tcp "
        jump to-web
        iifname "eth0" accept
        reject with icmp type admin-prohibited
    }
    chain to-web { ip daddr 10.7.2.10 tcp dport { 80, 8443 } accept; }
}
"""


def native(script: str) -> Rulesets:
    return Rulesets(nft=rendered(script, "gateway.nft"))


@pytest.mark.usefixtures("few_samples")
def test_a_native_script_against_its_iptables_original() -> None:
    report = compared(POLICY, native(TRANSLATED))
    assert (report.differences, report.exit_code) == ((), 0)
    assert report.reached.asked > 40


@pytest.mark.usefixtures("few_samples")
def test_what_a_translation_to_a_native_script_lost() -> None:
    report = compared(POLICY, native(TRANSLATED.replace("{ 80, 8443 }", "{ 80, 8080-8443 }")))
    assert [(one.aspect, one.opens) for one in report.differences] == [(Aspect.ALLOW, True)]
    assert "tcp/8080" in report.differences[0].of.services


def test_what_the_kernel_does_not_confirm_is_denied_and_no_difference() -> None:
    old, new = forward("-A FORWARD -i eth0 -j ACCEPT"), forward("-A FORWARD -i eth0 -p tcp -j ACCEPT")
    report = compared(old, new, proposer=asking("office > 10.7.2.10 tcp/80", "office > 10.7.2.10 udp/80"))
    assert {(one.aspect, one.flow.service) for one in report.differences} == {(Aspect.ALLOW, "udp/80"), (Aspect.RULE, "tcp/80")}
    report = compared(old, forward("-A FORWARD -i eth0 -j ACCEPT", "-A FORWARD -p udp -j DROP"),
                      proposer=asking("office > 10.7.2.10 tcp/80"))  # fmt: skip
    assert (report.differences, report.exit_code) == ((), 0)
    (denied,) = report.denied
    assert denied.flow.service == "tcp/80"
    assert denied.found.count("allowed by gateway filter:FORWARD:2") == 2
    assert (report.reached.asked, report.reached.sampled) == (1, False)


def test_where_a_witness_is_denied_the_rest_of_its_class_is_asked() -> None:
    """The gateway's outer address is translated to itself, and its other ones to that."""
    old, new = (rulesets(table("nat", f"-A POSTROUTING {of}-o ppp0 -j MASQUERADE")) for of in ("", "-s 198.51.100.0/29 "))
    ask = asking(f"gateway@{OUTER} > 192.0.2.7 udp/53", of_sources=("10.7.1.0/24", "198.51.100.1"))
    report = compared(old, new, proposer=ask)
    assert [denied.flow.source for denied in report.denied] == [OUTER]
    (one,) = report.differences
    assert (one.aspect, one.flow.node, one.flow.source, one.of.whole) == (Aspect.TRANSLATION, "gateway", "10.7.1.1", False)


def test_a_log_of_what_follows_the_first_packet() -> None:
    old, new = (forward(f'-A FORWARD -p tcp --dport 80 -m conntrack --ctstate ESTABLISHED -j LOG --log-prefix "{text} "',
                        "-A FORWARD -i eth0 -j ACCEPT") for text in ("a", "b"))  # fmt: skip
    old, new = (
        rulesets(of.v4.text.replace(f"{ANSWERS}\n", "").replace("COMMIT", f"{ANSWERS}\nCOMMIT")) for of in (old, new) if of.v4
    )
    report = compared(old, new, proposer=asking("office > 10.7.2.10 tcp/80"))
    assert [one.aspect for one in report.differences] == [Aspect.LOG]
    assert report.denied == ()


def test_what_hangs_on_a_condition_that_nobody_reads_is_looked_for() -> None:
    """The first connection is let through on either side, and the third on one alone."""
    old, new = (
        forward(f"-A FORWARD -p tcp --dport 22 -m limit --limit 1/hour --limit-burst {burst} -j ACCEPT") for burst in (2, 4)
    )
    ask = asking("office > 10.7.2.10 tcp/22", rests_on=("-m limit",))
    report = compared(old, new, proposer=ask)
    # what differs in the first packet is the rule's text alone: more of them are sent
    assert [(one.aspect, one.opens, one.rests_on) for one in report.differences] == [(Aspect.ALLOW, True, ("-m limit",))]
    # where the rule that decides is the same, it shows in the state that others leave
    old, new = (
        forward(f"-A FORWARD -p tcp --dport 22 -m limit --limit 1/hour --limit-burst {burst} -j within", "-A FORWARD -j DROP")
        for burst in (2, 4)
    )
    old, new = (_with_chain(of, "within", "-A within -j ACCEPT") for of in (old, new))
    report = compared(old, new, proposer=ask)
    assert [(one.aspect, one.opens, one.rests_on) for one in report.differences] == [(Aspect.ALLOW, True, ("-m limit",))]
    assert report.denied == ()


def _with_chain(of: Rulesets, name: str, rule: str) -> Rulesets:
    assert of.v4 is not None
    return rulesets(of.v4.text.replace("-A FORWARD", f":{name} - [0:0]\n-A FORWARD", 1).replace("COMMIT", f"{rule}\nCOMMIT"))


def test_chance_that_both_sides_have_is_none() -> None:
    rule = "-A FORWARD -p udp -m statistic --mode random --probability 0.5 -j DROP"
    old, new = (forward(rule, counts, "-A FORWARD -i eth0 -j ACCEPT") for counts in ("-A FORWARD -p tcp", "-A FORWARD -p udp"))
    report = compared(old, new, proposer=asking(*(f"office > 10.7.2.10 udp/{port}" for port in range(50, 70))))
    assert report.differences == ()
    assert "by chance on both sides" in report.notes[-1]


def test_what_cannot_be_sent_is_counted() -> None:
    report = compared(forward(), forward("-A FORWARD -p gre -j ACCEPT"),
                      proposer=asking("office > 10.7.2.10 proto/47", "office > 10.7.2.25 proto/47"))  # fmt: skip
    assert report.reached.asked == 0
    assert len(report.reached.unsendable) == 1
    assert "proto/47" in report.reached.unsendable[0]
    assert "(2 flows)" in report.reached.unsendable[0]


def test_what_is_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Sides.ask
    monkeypatch.setattr(Sides, "ask", lambda *of: Both(*(replace(one, kind=Kind.LOST, proof="blind") for one in ask(*of))))
    report = diff(
        scene(forward("-A FORWARD -j DROP")), scene(forward("-A FORWARD -i eth0 -j ACCEPT")), "gateway", backends=(NFT, NFT),
        families=(4,), names=("old", "new"), progress=lambda *_: None, proposer=asking("office > 10.7.2.10 tcp/80"),
    )  # fmt: skip
    assert (report.differences, report.exit_code) == ((), 3)
    assert report.lost == ("10.7.1.9 > 10.7.2.10 tcp/80: old: blind",)


def test_a_batch_that_an_instrument_did_not_see_whole_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    canary = Instrument.canary
    canaries: list[Instrument] = []

    def blind(of: Instrument) -> None:
        canaries.append(of)
        if len(canaries) > 4:  # each lab has one when it is built, and one before the batch
            raise MeasurementError(Problem("the canary was not seen"))
        canary(of)

    monkeypatch.setattr(Instrument, "canary", blind)
    report = diff(
        scene(forward("-A FORWARD -j DROP")), scene(forward("-A FORWARD -i eth0 -j ACCEPT")), "gateway", backends=(NFT, NFT),
        families=(4,), names=("old", "new"), progress=lambda *_: None, proposer=asking("office > 10.7.2.10 tcp/80"),
    )  # fmt: skip
    assert (report.differences, report.exit_code) == ((), 3)
    assert report.lost == ("10.7.1.9 > 10.7.2.10 tcp/80: the canary was not seen",)


def test_an_interrupted_one_tells_what_was_found() -> None:
    told: list[int] = []

    def stop(done: int, of: int) -> None:
        told.append(of)
        if done == 2:
            raise KeyboardInterrupt

    report = diff(
        scene(forward()), scene(forward("-A FORWARD -i eth0 -j ACCEPT")), "gateway", backends=(NFT, NFT), families=(4,),
        names=("old", "new"), progress=stop,
        proposer=asking(*(f"office > 10.7.2.10 tcp/{port}" for port in (21, 22, 23, 24))),
    )  # fmt: skip
    assert (report.interrupted, report.exit_code, report.reached.asked) == (True, 130, 2)
    assert [one.aspect for one in report.differences] == [Aspect.ALLOW]
    assert set(report.differences[0].of.services) == {"tcp/21", "tcp/22"}
    assert told == [4, 4, 4]


def test_a_fault_of_a_proposer_ends_it_with_a_problem() -> None:
    def broken(old: Holds, new: Holds, topology: Topology, node: str, family: int) -> Proposed | None:
        raise ValueError("no such thing")

    report = diff(
        scene(forward()), scene(forward("-A FORWARD -j DROP")), "gateway", backends=(NFT, NFT), families=(4,),
        names=("old", "new"), progress=lambda *_: None, proposer=broken,
    )  # fmt: skip
    assert (report.exit_code, len(report.problems)) == (3, 1)
    assert "no such thing" in report.problems[0].what


def test_a_side_that_is_refused() -> None:
    with pytest.raises(InputError, match=r"gateway\.rules:\d+: "):
        compared(forward(), forward("-A FORWARD -j NOWHERE"))


def test_a_node_that_is_none() -> None:
    with pytest.raises(InputError, match="no node 'elsewhere'"):
        diff(scene(POLICY), scene(POLICY), "elsewhere", backends=(NFT, NFT), families=(4,), names=("old", "new"),
             progress=lambda *_: None)  # fmt: skip
