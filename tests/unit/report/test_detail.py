from __future__ import annotations

from dataclasses import replace

from lab.record.hint import Hint
from lab.record.observation import Loss, Milestone, Refusal, Unresolved
from lab.record.result import Outcome
from lab.record.trace import Trace
from lab.record.verdict import Kind
from lab.report.detail import explain, explain_trace
from lab.report.failure import sender_text
from tests.unit.report import make


def test_a_failed_cell_in_full() -> None:
    assert explain(make.fail_closed()).split("\n") == [
        "FAIL-CLOSED public web  [matrices/web-edge.yaml:14]",
        "  world 192.0.2.7 -> web-vip 198.51.100.1 tcp/443: expected allow, is dropped",
        "  by          gateway filter:FORWARD policy dropped it  [policies/edge.rules.j2:9]",
        "  why         translated by nat:PREROUTING:2 (dnat-web), then dropped by filter:FORWARD policy",
        "  cell        web-edge::public web[world->web-vip tcp/443]",
        "  proof       the SYN's path ends in a drop",
        "  sent        tcp 192.0.2.7:40000 > 198.51.100.1:443",
        "  path",
        "    gateway: in tcp 192.0.2.7:40000 > 198.51.100.1:443",
        '      prerouting  nat PREROUTING:2 "dnat-web" DNAT  [policies/edge.rules.j2:31]',
        "                    -A PREROUTING -d 198.51.100.1/32 -p tcp -m tcp --dport 443 -j DNAT",
        "      forward     filter FORWARD:3 jump from-wan  [policies/edge.rules.j2:44]",
        "                    -A FORWARD -j from-wan",
        "                    filter from-wan: end of chain",
        "                  filter FORWARD policy drop  [policies/edge.rules.j2:9]",
        '      translated: destination changed by nat:PREROUTING:2 "dnat-web"',
        "    gateway: dropped by filter:FORWARD policy",
    ]


def test_the_ports_that_differ() -> None:
    text = explain(make.split_range())
    assert "tcp/1-442,444-65535 (of tcp/1-65535): expected drop" in text
    assert "others      443 (1 port): allowed by gateway filter:from-wan:1 (publish-web)" in text


def test_what_the_witnesses_saw() -> None:
    text = explain(make.fail_open())
    assert "arrived     at web 10.0.2.10:8443 from 192.0.2.7:40000" in text
    assert "conntrack   gateway: ESTABLISHED SEEN_REPLY,ASSURED,DST_NAT mark 0x2" in text


def test_faults_and_losses_are_told() -> None:
    seen = replace(
        make.lost().observation,
        losses=(Loss("gateway", "insert_failed", 1),),
        refusal=Refusal("icmp-host-unreachable", "10.0.1.1"),
        reasons=("IP_RPFILTER",),
        unresolved=(Unresolved("gateway", "10.0.2.99"),),
        local_error="Network is unreachable",
        repeats=2,
    )
    text = explain_trace(Trace("", "nft", replace(make.lost(), observation=seen)))
    for words in (
        "no exit seen",
        "gateway: insert_failed 1",
        "icmp-host-unreachable from 10.0.1.1",
        "IP_RPFILTER",
        "gateway asked for 10.0.2.99, and got no answer",
        "Network is unreachable",
        "sent 3 times",
    ):
        assert words in text


def test_where_the_answer_died() -> None:
    way_back = replace(make.DROPPED_PATH, entry=make.ANSWER)
    seen = replace(make.allowed().observation, stage=Milestone.DELIVERED, answer=(way_back,))
    verdict = replace(make.allowed(), kind=Kind.UNANSWERED, observation=seen, packet="SYN-ACK")
    text = explain(make.cell(Outcome.FAIL_CLOSED, verdict))
    assert "  answer\n    gateway: in tcp 10.0.2.10:8443 > 192.0.2.7:40000" in text


def test_a_later_packet_that_was_stopped_shows_its_path() -> None:
    later = replace(make.DROPPED_PATH, entry=make.SYN._replace(flags=0x10))
    seen = replace(make.allowed().observation, others=(later, make.ALLOWED_PATH))
    text = explain_trace(Trace("", "nft", replace(make.allowed(), observation=seen)))
    assert text.count("  then\n") == 1
    assert text.count(f"dropped by {make.POLICY.place}") == 1
    assert text.count("gateway: out") == 1  # the request's own; what passed is not told again


def test_rule_elsewhere_is_named() -> None:
    other = replace(make.PUBLISH, node="core")
    text = explain_trace(Trace("", "nft", replace(make.allowed(), decided=(("gateway", make.PUBLISH), ("core", other)))))
    assert "elsewhere   core filter:from-wan:1 (publish-web) accepted it  [policies/edge.rules.j2:52]" in text


def test_control_characters_of_files_are_written_out() -> None:
    text = explain(make.fail_open(row="a\x1b[31m\nb", hints=(Hint("one\ntwo"),)))
    assert "\x1b" not in text
    assert r"a\x1b[31m" in text
    assert "              two" in text


def test_which_of_several_addresses_it_was_sent_from() -> None:
    sent = make.cell().source
    own, bound, alone = make.cell(kernel_source=sent), make.cell(kernel_source="203.0.113.5"), make.cell()
    assert f"  source      {sent}, the kernel's own choice" in explain(own)
    assert f"{sent}, which only a bound socket sends from: the kernel's own choice is 203.0.113.5" in explain(bound)
    assert "  source " not in explain(alone)
    assert [sender_text(cell) for cell in (own, bound, alone)] == ["world", "world (bound)", "world"]


def test_a_trace_has_its_verdict_first_then_why_and_nothing_twice() -> None:
    hint = Hint("no rule of FORWARD accepts 10.0.2.10:8443", "accept it in from-wan")
    lines = explain_trace(Trace("", "nft", make.dropped(), hints=(hint,))).split("\n")
    assert lines[:6] == [
        "  verdict     dropped, for the SYN",
        "              the SYN's path ends in a drop",
        "  by          gateway filter:FORWARD policy dropped it  [policies/edge.rules.j2:9]",
        "  why         no rule of FORWARD accepts 10.0.2.10:8443",
        "  mend        accept it in from-wan",
        "  sent        tcp 192.0.2.7:40000 > 198.51.100.1:443",
    ]


def test_a_trace_says_in_its_first_line_whether_it_was_expected() -> None:
    asked = Trace("", "nft", make.dropped(), expected="drop")
    assert explain_trace(asked).startswith("  verdict     dropped, for the SYN, as expected\n")
    wrong = replace(asked, expected="allow", differences=("must pass, but was dropped by gateway filter:FORWARD policy",))
    assert explain_trace(wrong).startswith("  verdict     dropped, for the SYN, expected allow\n")
    assert "differs" not in explain_trace(wrong)
    elsewhere = replace(asked, differences=("must be dropped at core, but never came there",))
    assert "  differs     must be dropped at core, but never came there" in explain_trace(elsewhere)


def test_a_proof_does_not_name_the_rule_again() -> None:
    proven = replace(make.dropped(), proof=f"the trace of this very SYN ends in a drop by {make.POLICY}")
    text = explain_trace(Trace("", "nft", proven))
    assert "              the trace of this very SYN ends in a drop\n" in text
    assert text.count("filter:FORWARD policy") == 2  # who did it, and the end of the path
