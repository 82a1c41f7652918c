"""Packets as people write them: read by layers, and never evaluated."""

from __future__ import annotations

import builtins
import random
import string
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.written.packet.layered import Layered, layered
from lab.written.packet.layers import LAYERS, OPTIONS
from lab.written.packet.parse import parse
from lab.written.packet.values import Layer

SEEDS = (
    'TCP(flags="FPU", dport=22)',
    'IP(ttl=1)/UDP(dport=53)/Raw("x")',
    'IP(options=[IPOption_RR(routers=["10.0.0.1"])], id=7)/TCP(options=[("MSS", 536), ("NOP", None), ("Timestamp", (1, 2))])',
    "fragment(UDP(dport=53)/'abcdefgh', fragsize=16)",
    "IPv6(hlim=1)/IPv6ExtHdrHopByHop()/ICMPv6EchoRequest(data=b'\\x00')",
    "GRE(key_present=1, key=7)/IP()/UDP(sport=1, dport=2)",
    "SCTP(dport=9)/SCTPChunkInit(init_tag=1)",
)
ATTACKS = (
    '__import__("os").system("id")', "(lambda: 1)()", "TCP.__class__", "TCP(dport=[].__class__)", "exec('x')", 'open("/etc")',
    "TCP(dport=(lambda: 1)())", "TCP(**{})", "TCP(*[1])", 'f"{1}"', "[x for x in ()]", "TCP(flags=f'{1}')",
    "TCP(dport=__builtins__)", "TCP(dport=(x := 1))", "TCP()if 1 else TCP()", "TCP() and UDP()", "await x", "(yield)",
    "TCP(dport=1)[0]", "not TCP()",
    "TCP(dport=-1)", "TCP(dport=1.5)", "TCP(dport=True)", "TCP(dport=...)", "TCP(dport=1j)", "TCP(dport=10**9**9)", "'a'*9**9",
    "Raw(load=b'x'*99999999)", "Raw(open('/dev/zero').read())", "TCP(_pkt='x')", "TCP(__init__=1)", "TCP(name='x')",
)  # fmt: skip


@pytest.mark.parametrize("text", SEEDS)
def test_seeds_are_packets(text: str) -> None:
    assert layered(text if "TCP(options" not in text else text.replace("TCP(", "TCP(dport=1, ")).families


def test_layers_and_values() -> None:
    assert parse('IP(ttl=1, flags="MF+DF")/TCP(flags="SA", dport=22)/"hi"').layers == (
        Layer("IP", (("ttl", 1), ("flags", 3))),
        Layer("TCP", (("flags", 0x12), ("dport", 22))),
        Layer("Raw", (("load", b"hi"),)),
    )  # fmt: skip


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_but_layers_is_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_words: object) -> None:
        raise AssertionError("it was evaluated")

    for name in ("eval", "exec", "open"):
        monkeypatch.setattr(builtins, name, never)
    with pytest.raises(ValueError, match=r"."):
        layered(text)


@pytest.mark.parametrize(
    ("text", "what", "mend"),
    [
        ("TPC(dport=1)", "TPC is no layer", "did you mean 'TCP'?"),
        ("TCP(dprot=1)", "TCP has no field dprot", "did you mean 'dport'?"),
        ("TCP(dport=70000)", "TCP(dport=…): 70000 is not a number from 0 to 65535", ""),
        ('TCP(flags="FXQ")', "'X' of 'FXQ' is no flag", "F, S, R, P, A, U, E, C, N"),
        ("TCP(dport=1, dport=2)", "TCP has dport twice", ""),
        ("TCP(22)", "the fields of TCP are written by their names", ""),
        ("UDP()+TCP()", "layers are joined by / alone", ""),
        ("UDP()/IPv6()/TCP", "TCP is written with brackets", ""),
        ('ICMP(type="ecko-request")', "'ecko-request' is not one of its words", "did you mean 'echo-request'?"),
        ('TCP(options=[("MMS", 1)])', "'MMS' is no option of TCP", "did you mean 'MSS'?"),
        ('IP(src="10.0.0.256")/UDP()', "'10.0.0.256' is not an IPv4 address", ""),
        ('IP(src="240.10.176.1")/UDP()', "canaries", ""),
        ('IP(dst="10.0.0.1")/UDP()', "where it goes to is the row's `to`", ""),
        ("Raw('x')", "cannot begin with Raw", ""),
        ("UDP()/'x'/TCP()", "nothing can stand behind Raw", ""),
        ("IPv6()/ICMP()", "no family in common", ""),
        ("IP()", "nothing says which protocol it is", ""),
        ("SCTP(dport=1)/'x'/SCTPChunkInit()", "nothing can stand behind Raw", ""),
        ("UDP()/SCTPChunkInit()", "SCTPChunkInit stands behind SCTP", ""),
        ("fragment(UDP(), fragsize=4)", "the least that a fragment can carry is 8 bytes", ""),
        ("UDP(dport=1)/fragment(TCP())", "stands around the whole packet", ""),
        (["UDP(dport=1)", "TCP(dport=1)"], "several packets are the fragments of one", "steps"),
        ("/".join(["IP()"] * 20), "at most 12 layers", ""),
        ("", "there is no packet here", "TCP(flags="),
        ("TCP(dport=" + "9" * 5000 + ")", "cannot be read", ""),
        ("(" * 500, "cannot be read", ""),
        ('TCP(flags="FPU"', "cannot be read", "in a row within {…} a comma ends what is not quoted"),
        ("x" * 9000, "is longer than 8,192", ""),
        (7, "a packet is text", ""),
        ([], "a packet is text", ""),
    ],
)
def test_what_is_wrong_and_what_was_meant(text: object, what: str, mend: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        layered(text)
    said = str(caught.value)
    assert what in said
    assert mend in said


@pytest.mark.parametrize(
    ("written", "service", "words", "name"),
    [
        ('TCP(flags="FPU", dport=22)', "tcp/22", "fin,psh,urg", "segment FIN,PSH,URG"),
        ('TCP(flags="", dport=22)', "tcp/22", "null", "segment NULL"),
        ("TCP(dport=22)", "tcp/22", "syn", "SYN"),
        ("IP(ttl=1)/UDP(dport=53)", "udp/53", "ttl 1", "datagram"),
        ("IP(options=[IPOption_RR()])/UDP(dport=53)", "udp/53", "IPOption_RR", "datagram"),
        ("GRE()/IP()/UDP()", "gre", "IP UDP", "GRE packet"),
        ("ESP(spi=1)", "esp", "", "ESP packet"),
        ("AH()/TCP()", "ah", "TCP", "AH packet"),
        ("SCTP(dport=9)/SCTPChunkInit()", "sctp/9", "SCTPChunkInit", "SCTP packet"),
        ("ICMP(type=3, code=4)", "icmp/fragmentation-needed", "", "icmp message of type 3 code 4"),
        ("ICMPv6EchoRequest()", "icmpv6/echo-request", "", "echo-request"),
        ("IP(proto=99)/'x'", "proto/99", "proto 99", "protocol-99 packet"),
        ("fragment(UDP(dport=53)/'x')", "udp/53", "in fragments", "fragmented datagram"),
        (['IP(flags="MF")/UDP(dport=53)/"12345678"', 'IP(frag=2)/"x"'], "udp/53", "MF in 2 fragments", "fragmented datagram"),
    ],
)
def test_what_it_is_called(written: str | list[str], service: str, words: str, name: str) -> None:
    packet = layered(written)
    assert (packet.service().text, packet.words, packet.name) == (service, words, name)


def _refused_or_read(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(layered(text), Layered)


_MUTATED = st.builds(
    lambda seed, at, piece, cut: seed[: at % len(seed)] + piece + seed[at % len(seed) + cut :],
    st.sampled_from((*SEEDS, *ATTACKS)), st.integers(0, 200), st.text(string.printable, max_size=8), st.integers(0, 8),
)  # fmt: skip
_WORDS = (*LAYERS, *OPTIONS, *"()[]{},=/*.'\"\\:@ \n", "dport", "flags", "0x", "1", "lambda", "None", "\0", "\ud800")
_TOKENS = st.lists(st.sampled_from(_WORDS), max_size=40).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.one_of(_MUTATED, _TOKENS, st.text(max_size=60)))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    _refused_or_read(text)


def test_ten_thousand_mangled_packets() -> None:
    chosen = random.Random(14)
    pieces = (*_WORDS, *string.printable, "dport=", "lambda: ", "**", "/" * 30, "(" * 30, "9" * 30, "f'", "é")
    for _ in range(10_000):
        text = chosen.choice((*SEEDS, *ATTACKS))
        for _ in range(chosen.randint(1, 4)):
            at = chosen.randrange(len(text) + 1)
            text = text[:at] + chosen.choice(pieces) + text[at + chosen.randint(0, 4) :]
        _refused_or_read(text)


NO_ROOM = {
    "IP(options=[" + ", ".join(['IPOption_LSRR(routers=["192.0.2.1", "192.0.2.2"])'] * 4) + "])/UDP(dport=53)": "44 bytes",
    "TCP(dport=1, options=[" + ", ".join(['("Timestamp", (1, 2))'] * 5) + "])": "50 bytes",
    "IP(proto=0)/'x'": "protocol 0",
    "IPv6()/IPv6ExtHdrFragment(nh=0)": "protocol 0",
    "fragment(UDP(dport=53)/'" + "x" * 600 + "', fragsize=8)": "[0-9]+ fragments, more than 64",
    "fragment(IPv6(version=0)/ICMPv6TimeExceeded(), fragsize=8)": "by hand",
    "fragment(IPv6ExtHdrFragment(nh=17, m=1)/UDP(dport=53), fragsize=16)": "by hand",
    "TCP(dport=" + "9" * 5000 + ")": "very many digits",
}


@pytest.mark.parametrize("text", NO_ROOM)
def test_what_no_header_has_room_for_is_told_when_it_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=NO_ROOM[text]):
        layered(text)


def test_no_fragment_ends_behind_the_longest_packet() -> None:
    first = 'IP(flags="MF")/UDP(dport=53)/"12345678"'
    assert layered([first, 'IP(frag=8180)/"12345678"']).flaw == "its fragments leave a gap"
    with pytest.raises(ValueError, match="behind the longest packet"):
        layered([first, 'IP(frag=8190)/"12345678"'])


def test_a_header_that_says_its_length_says_what_it_likes() -> None:
    options = ", ".join(["IPOption_LSRR(routers=['192.0.2.1'])"] * 9)
    assert layered(f"IP(ihl=15, options=[{options}])/UDP(dport=53)").exact
