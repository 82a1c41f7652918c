"""What a ruleset may not do to the trace is refused with its line, in whichever words it says so."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.lab import Lab
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.scenes import corridor, rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel

OFF = {
    "plain": "meta nftrace set 0",
    "hexadecimal": "udp dport 53 meta nftrace set 0x00",
    "without meta": "nftrace set 0",
    "a define": "meta nftrace set $nothing",
    "on, then off": "meta nftrace set 1 counter meta nftrace set 0",
    "over two lines": "meta \\\n nftrace \\\n set 0",
    "a map": "meta nftrace set meta mark map { 0x7 : 0, 0x8 : 1 }",
    "a map of ones": "meta nftrace set ip dscp map { 0 : 1 }",
    "a block": "udp dport 99 jump {\n counter\n meta nftrace set 0\n }",
}
EARLY = "type filter hook prerouting priority -350; policy accept;"


def native(script: str) -> Rulesets:
    return Rulesets(nft=rendered(script, "gateway.nft"))


def lab_of(policy: Rulesets, backend: Backend = Backend.NFT) -> Lab:
    return Lab(topology(corridor()), {"gateway": policy}, backend=backend)


def refused(policy: Rulesets, backend: Backend = Backend.NFT) -> str:
    with pytest.raises(InputError) as error, lab_of(policy, backend):
        pass
    return str(error.value)


@pytest.mark.parametrize("statement", OFF.values(), ids=OFF)
def test_switching_the_trace_off(statement: str) -> None:
    script = f"define nothing = 0\ntable inet edge {{\n chain early {{\n  {EARLY}\n  counter\n  {statement}\n }}\n}}\n"
    said = refused(native(script))
    assert "can switch off the trace" in said
    assert any(said.startswith(f"gateway.nft:{line}: ") for line in (6, 8)), said


@pytest.mark.parametrize("family", ["ip", "inet", "netdev"])
def test_in_a_chain_that_only_a_map_leads_to(family: str) -> None:
    hook = 'ingress device "left" priority 0' if family == "netdev" else "forward priority 0"
    quiet = "chain quiet {\n meta nftrace set 0\n}"
    base = f"chain c {{\n type filter hook {hook};\n udp dport vmap {{ 53 : jump quiet }}\n}}"
    assert refused(native(f"table {family} f {{\n{quiet}\n{base}\n}}\n")).startswith("gateway.nft:3: ")


def test_what_only_looks_like_it_is_no_meddling() -> None:
    rules = 'udp dport 53 meta nftrace set 1\n udp dport 53 log prefix "meta nftrace set 0 " drop comment "meta nftrace set 0"'
    script = f"table inet f {{\n chain c {{\n type filter hook forward priority 0;\n {rules}\n }}\n}}\n"
    with lab_of(native(script)) as lab:
        verdict = lab.probe("client", "server", "udp/53")
    assert (verdict.kind, verdict.rule and verdict.rule.number) == (Kind.DROPPED, 2)


@pytest.mark.parametrize("name", ["lab_trace", "lab_count"])
@pytest.mark.parametrize("made", ["table \\\n ip {} {{ }}", "add table netdev {}", "create table inet {}"])
def test_a_table_that_is_called_as_the_lab_s(name: str, made: str) -> None:
    said = refused(native(made.format(name) + "\n"))
    assert (said.startswith("gateway.nft: "), "the lab's own names" in said) == (True, True)


@pytest.mark.parametrize("prefix", ["TRACE: filter:FORWARD:rule:1 ", "TRACE: "])
@pytest.mark.parametrize("option", ["NFLOG --nflog-prefix", "NFLOG --nflog-pre", "LOG --log-level info --log-pref"])
def test_a_log_that_says_what_the_trace_says(option: str, prefix: str) -> None:
    text = table("mangle", f'-A POSTROUTING -p udp -j {option} "{prefix}"')
    assert refused(rulesets(text), Backend.LEGACY).startswith("gateway.rules:7: ")
    lab_of(rulesets(text)).close()


def test_a_log_of_ipv6_that_says_what_the_trace_says() -> None:
    text = table("filter", "-A FORWARD -p udp -j ACCEPT", '-A FORWARD -j LOG --log-prefix "TRACE: filter:FORWARD:rule:1"')
    assert refused(rulesets(v6=text), Backend.LEGACY).startswith("gateway.rules6:6: ")


@pytest.mark.parametrize("word", ["lab: prerouting", "lab: postrouting", "lab: input", "lab"])
def test_what_the_lab_itself_logs_cannot_be_forged(word: str) -> None:
    forged = [f'-A {chain} -j NFLOG --nflog-prefix "{word}"' for chain in ("PREROUTING", "FORWARD", "POSTROUTING")]
    shut = table("filter", "-A FORWARD -p udp --dport 53 -j DROP")
    with lab_of(rulesets(table("mangle", *forged) + shut), Backend.LEGACY) as lab:
        verdict = lab.probe("client", "server", "udp/53")
        assert (str(verdict), verdict.passed_node) == ("dropped by gateway filter:FORWARD:1", False)
        assert lab.probe("client", "server", "udp/54").allowed
