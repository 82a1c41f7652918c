"""Tables of conntrack, as text and as XML: each entry becomes the flow that its first packet was of."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.written.seen import conntrack_xml
from lab.written.seen.live import LiveFlow
from lab.written.seen.read import read_seen

NATTED = (
    "tcp      6 431999 ESTABLISHED src=10.20.1.10 dst=203.0.113.7 sport=51000 dport=443"
    " src=203.0.113.7 dst=198.51.100.1 sport=443 dport=51000 [ASSURED] mark=0 use=1"
)
WEB = LiveFlow(4, "10.20.1.10", "203.0.113.7", "tcp/443", "203.0.113.7", "198.51.100.1")


def read(folder: Path, text: str) -> tuple[LiveFlow, ...]:
    file = folder / "seen"
    file.write_text(text)
    return read_seen(file)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as error:
        read(folder, text)
    return str(error.value).removeprefix(str(folder / "seen"))


@pytest.mark.parametrize(
    ("line", "flow"),
    [
        (NATTED, WEB),
        (f"ipv4     2 {NATTED}", WEB),
        (f"{NATTED} id=3021550080", WEB),
        (f"    [NEW] {NATTED}", WEB),
        (NATTED.replace(" src=203", " packets=7 bytes=612 src=203") + " packets=5 bytes=9000", WEB),
        (
            ("udp      17 28 src=10.20.1.10 dst=10.20.2.10 sport=40000 dport=53 [UNREPLIED] src=10.20.2.10 dst=10.20.1.10"
            " sport=53 dport=40000 mark=0 zone=3 use=1"),
            LiveFlow(4, "10.20.1.10", "10.20.2.10", "udp/53", "10.20.2.10", "10.20.1.10", replied=False),
        ),
        (
            "icmp     1 29 src=10.20.1.10 dst=10.20.2.10 type=8 code=0 id=47 src=10.20.2.10 dst=10.20.1.10 type=0 code=0 id=47",
            LiveFlow(4, "10.20.1.10", "10.20.2.10", "icmp/echo-request", "10.20.2.10", "10.20.1.10"),
        ),
        (
            ("ipv6     10 icmpv6   58 9 src=2001:db8:a::10 dst=2001:DB8:d:0::10 type=128 code=0 id=1"
            " src=2001:db8:d::10 dst=2001:db8:a::10 type=129 code=0 id=1 mark=0 use=1"),
            LiveFlow(6, "2001:db8:a::10", "2001:db8:d::10", "icmpv6/echo-request", "2001:db8:d::10", "2001:db8:a::10"),
        ),
        (
            ("tcp      6 300 CLOSE src=2001:db8:a::10 dst=2001:db8:d::10 sport=50000 dport=22"
            " src=2001:db8:d::10 dst=2001:db8:a::10 sport=22 dport=50000 use=1"),
            LiveFlow(6, "2001:db8:a::10", "2001:db8:d::10", "tcp/22", "2001:db8:d::10", "2001:db8:a::10"),
        ),
        (
            ("gre      47 174 timeout=30, stream_timeout=180 src=10.0.0.1 dst=10.0.0.2 srckey=0x0 dstkey=0x1 src=10.0.0.2"
            " dst=10.0.0.1 srckey=0x1 dstkey=0x0 use=1"),
            LiveFlow(4, "10.0.0.1", "10.0.0.2", "proto/47", "10.0.0.2", "10.0.0.1"),
        ),
        (
            "unknown  2 591 src=10.0.0.1 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=10.0.0.1 use=1",
            LiveFlow(4, "10.0.0.1", "224.0.0.22", "proto/2", "224.0.0.22", "10.0.0.1", replied=False),
        ),
    ],
)
def test_a_line(tmp_path: Path, line: str, flow: LiveFlow) -> None:
    assert read(tmp_path, f"{line}\n") == (flow,)


def test_flows_that_differ_in_their_own_port_are_counted_and_the_most_frequent_come_first(tmp_path: Path) -> None:
    other = NATTED.replace("dport=443", "dport=80").replace("sport=443", "sport=80")
    more = [NATTED.replace("51000", port) for port in ("51001", "51002", "51002")]
    end = "conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown."
    text = "\n".join(["root@fw:~# conntrack -L", other, NATTED, *more, "", end])
    assert [(flow.service, flow.count) for flow in read(tmp_path, text)] == [("tcp/443", 3), ("tcp/80", 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{NATTED}\ntcp 6 12 CLOSE src=10.0.0.1 dst=10.0", ":2: 'tcp 6 12 CLOSE src=10.0.0.1 dst=10.0' is no entry"),
        (NATTED.replace("dport=443 src", "dport=70000 src"), "'70000' is no number up to 65,535"),
        (NATTED.replace("10.20.1.10", "10.20.1.300"), "'10.20.1.300' does not appear to be an IPv4 or IPv6 address"),
        (NATTED.replace("dst=203.0.113.7", "dst=2001:db8::7"), "its addresses are of two families"),
        (NATTED.replace("sport=51000 ", "", 1), "it has no ports"),
        ("300 proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=20 mask-src=255.255.255.255", "it is an expectation"),
        ("-A FORWARD -j ACCEPT\n", ":1: '-A FORWARD -j ACCEPT' is no entry of conntrack"),
        ("\n\n", ": there is no flow in it"),
        ("tcp 6 " + "9" * 5000, "…' is no entry of conntrack: it has 0 of its two directions"),
    ],
)
def test_what_is_no_entry_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    found = refused(tmp_path, text)
    assert said in found
    assert len(found) < 500


def xml(*flows: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n{"".join(flows)}</conntrack>\n'


def direction(which: str, src: str, dst: str, layer4: str) -> str:
    layer3 = f'<layer3 protonum="2" protoname="ipv4"><src>{src}</src><dst>{dst}</dst></layer3>'
    return f'<meta direction="{which}">{layer3}{layer4}</meta>'


def layer4(proto: int, inside: str) -> str:
    return f'<layer4 protonum="{proto}" protoname="it">{inside}</layer4>'


def flow(proto: int, there: str, back: str, beside: str = "<assured/>") -> str:
    about = f'<meta direction="independent"><state>NONE</state><timeout>9</timeout><mark>0</mark><id>77</id>{beside}</meta>'
    first = direction("original", "10.20.1.10", "203.0.113.7", layer4(proto, there))
    second = direction("reply", "203.0.113.7", "198.51.100.1", layer4(proto, back))
    return f"<flow>{first}{second}{about}</flow>\n"


TCP = flow(6, "<sport>51000</sport><dport>443</dport>", "<sport>443</sport><dport>51000</dport>")


def test_xml_tells_the_same(tmp_path: Path) -> None:
    assert read(tmp_path, xml(TCP)) == read(tmp_path, NATTED) == (WEB,)


def test_xml_of_icmp_names_no_type_and_one_without_an_answer_says_so(tmp_path: Path) -> None:
    (found,) = read(tmp_path, xml(flow(1, "", "", "<unreplied/>")))
    assert (found.service, found.replied) == ("icmp/echo-request", False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]>\n' + xml(TCP)[39:], ":1: a document type has no place"),
        (xml(TCP)[:-40], ": this is no XML from here on: unclosed token"),
        ("<html><body/></html>", ":1: this is no table of conntrack, but <html>"),
        (xml(TCP.replace("<dst>198.51.100.1</dst>", "")), ":3: a flow without its two directions"),
        (xml(TCP.replace("443", "4 43")), ":3: this is no flow: '4 43' is no number"),
        (xml(TCP.replace('protonum="6"', 'protonum="six"')), ":3: protonum: 'six' is no number"),
        (xml(TCP.replace("203.0.113.7", "2" * 99)), ":3: <dst> is longer than any"),
        ("<conntrack>" + "<a>" * 30, "deeper than what conntrack prints"),
    ],
)
def test_xml_that_is_none_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_what_is_no_file_of_flows(tmp_path: Path) -> None:
    (tmp_path / "seen").write_bytes(b"\x1f\x8bxxxx")
    with pytest.raises(InputError, match="compressed"):
        read_seen(tmp_path / "seen")
    (tmp_path / "seen").write_bytes(b"tcp\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"seen:2: neither text nor a capture: byte 0xff"):
        read_seen(tmp_path / "seen")
    with pytest.raises(InputError, match="there is no such file"):
        read_seen(tmp_path / "none")
    with pytest.raises(InputError, match="directory"):
        read_seen(tmp_path)


def test_what_stands_in_xml_beside_values_is_not_kept() -> None:
    reader = conntrack_xml._Reader("seen.xml")
    reader.start("conntrack", {})
    reader.start("note", {})
    for _ in range(1_000):
        reader.characters("of no use")
    assert not reader._text
