"""A table of conntrack that somebody wrote down: read whole, and summed up, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare.live import table_of as lines_of
from lab.record.packet import Packet
from lab.record.tracked import Table, Tracked
from lab.study.tracked import MOST_COUNTED, table_of, told

TEXT = """\
tcp      6 431999 ESTABLISHED src=10.0.1.10 dst=198.51.100.1 sport=40000 dport=443 zone-orig=7 src=10.0.2.10 dst=10.0.1.10 sport=8443 dport=40000 [ASSURED] mark=5 helper=ftp labels=web,3 use=1
ipv4     2 udp      17 29 src=10.0.1.10 dst=192.0.2.53 sport=5353 dport=53 [UNREPLIED] src=192.0.2.53 dst=198.51.100.1 sport=53 dport=5353 mark=0 zone=9 use=2
icmp     1 29 src=10.0.1.11 dst=192.0.2.53 type=8 code=0 id=77 src=192.0.2.53 dst=10.0.1.11 type=0 code=0 id=77 mark=0 use=1
tcp      6 src=10.0.1.10 dst=192.0.2.7 sport=40001 dport=443 src=192.0.2.7 dst=10.0.1.10 sport=443 dport=40001 [OFFLOAD] mark=0 use=2
conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.
"""  # noqa: E501
XML = """<?xml version="1.0" encoding="utf-8"?>
<conntrack>
<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.1.10</src><dst>198.51.100.1</dst></layer3>
<layer4 protonum="6" protoname="tcp"><sport>40000</sport><dport>443</dport></layer4><zone>7</zone></meta>
<meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.2.10</src><dst>10.0.1.10</dst></layer3>
<layer4 protonum="6" protoname="tcp"><sport>8443</sport><dport>40000</dport></layer4></meta>
<meta direction="independent"><state>ESTABLISHED</state><timeout>431999</timeout><mark>5</mark><helper>ftp</helper>
<labels><label>web</label><label>3</label></labels><use>1</use><id>7</id><assured/></meta></flow>
<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.1.10</src><dst>192.0.2.53</dst></layer3>
<layer4 protonum="17" protoname="udp"><sport>5353</sport><dport>53</dport></layer4></meta>
<meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>192.0.2.53</src><dst>198.51.100.1</dst></layer3>
<layer4 protonum="17" protoname="udp"><sport>53</sport><dport>5353</dport></layer4></meta>
<meta direction="independent"><timeout>29</timeout><mark>0</mark><zone>9</zone><use>1</use><id>8</id><unreplied/></meta></flow>
</conntrack>
"""
WEB = Tracked(
    "ESTABLISHED", ("ASSURED",), Packet(4, 6, "10.0.1.10", 40000, "198.51.100.1", 443),
    Packet(4, 6, "10.0.2.10", 8443, "10.0.1.10", 40000), 431999, 5, 7, 0, "ftp", ("web", "3"),
)  # fmt: skip
DNS = Tracked(
    "NEW", ("UNREPLIED",), Packet(4, 17, "10.0.1.10", 5353, "192.0.2.53", 53),
    Packet(4, 17, "192.0.2.53", 53, "198.51.100.1", 5353), 29, 0, 9, 9,
)  # fmt: skip


def read(folder: Path, text: str, first: int | None = 40) -> Table:
    file = folder / "seen"
    file.write_text(text)
    return table_of("seen", told(lines_of(str(file))), first)


def words(table: Table) -> list[list[str]]:
    counted = table.by_state, table.by_protocol, table.by_source, table.by_service, table.by_more
    return [[f"{some.what} {some.entries}" for some in one] for one in counted]


@pytest.mark.parametrize("text", [TEXT, XML], ids=["text", "xml"])
def test_an_entry_is_read_whole(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).shown[:2] == (WEB, DNS)


def test_what_is_translated_is_told_by_its_answers() -> None:
    assert (WEB.answered_by, WEB.seen_as, WEB.answered) == (("10.0.2.10", 8443), None, True)
    assert (DNS.answered_by, DNS.seen_as, DNS.answered) == (None, ("198.51.100.1", 5353), False)


def test_an_echo_and_an_offloaded_flow(tmp_path: Path) -> None:
    echo, offloaded = read(tmp_path, TEXT).shown[2:]
    assert (echo.original.sport, echo.original.flags, echo.answered_by, echo.seen_as) == (77, 8, None, None)
    assert (offloaded.timeout_s, offloaded.status, offloaded.state) == (None, ("OFFLOAD",), "ESTABLISHED")


def test_all_entries_are_summed_up_and_the_first_are_shown(tmp_path: Path) -> None:
    table = read(tmp_path, TEXT, first=1)
    assert (len(table.shown), table.entries, table.unanswered, table.sources, table.services) == (1, 4, 1, 2, 3)
    assert [some.unanswered for some in table.by_source] == [1, 0]
    assert words(table) == [
        ["tcp ESTABLISHED 2", "udp NEW 1", "icmp ESTABLISHED 1"],
        ["tcp 2", "udp 1", "icmp 1"],
        ["10.0.1.10 3", "10.0.1.11 1"],
        ["tcp/443 2", "udp/53 1", "icmp/echo-request 1"],
        [f"{what} 1" for what in (
            "zone 7", "mark 0x5", "helper ftp", "translated destination", "zone 9", "translated source", "offloaded",
        )],
    ]


def test_of_many_entries_only_the_first_are_kept() -> None:
    alive = 0

    def entries() -> Iterator[Tracked]:
        nonlocal alive
        for number in range(100_000):
            alive += 1
            yield DNS._replace(original=DNS.original._replace(source=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))

    table = table_of("many", entries(), 40)
    assert (alive, table.entries, table.sources, len(table.shown)) == (100_000, 100_000, 100_000, 40)
    assert len(table.by_source) == MOST_COUNTED


@pytest.mark.parametrize(("text", "words"), [
    (TEXT + "tcp 6 17 ESTABLISHED src=10.0.1.10 dst=10.0\n", ":6: "),
    ("a line\n", "is no entry of conntrack"),
    ("<conntrack><!DOCTYPE x></conntrack>", "no XML"),
    ("\x1f\x8b", "compressed"),
    ("\xd4\xc3\xb2\xa1", "a capture holds packets, and no table"),
    ("\xff", "neither text nor a capture"),
])  # fmt: skip
def test_what_is_no_table_is_told(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "seen"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as error:
        table_of("seen", told(lines_of(str(file))), 40)
    assert words in str(error.value)


def test_an_empty_table_has_no_entries(tmp_path: Path) -> None:
    assert read(tmp_path, "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n") == Table("seen")
