"""What matrices assert, and what became open since an earlier report."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError
from lab.record.exposure import Change, Exposure, ExposureReport, Pair
from lab.record.sweep import Arrived, Ranges
from lab.record.verdict import Kind
from lab.report.exposure import exposure_json, exposure_lines
from lab.report.exposure_markdown import exposure_markdown
from lab.study.asserted import Assertions
from lab.study.compare_exposures import more, open_ports, read_saved
from lab.study.exposure import asked_again, choose
from lab.written.cell import Service
from lab.written.expect.exception import ExceptionSpec
from tests.unit.report.rendered import rendered
from tests.unit.verdict.made import cell, rule

_WITH_PORTS = (
    '{"version": 1, "topology": "made", "exposures": [{"from": "a", "to": "b", "address": "c", "family": 4, "proto": "tcp", '
    '"ports": %s}]}'
)
_OF_CLASSES = (
    '{"version": 1, "topology": "made", "exposures": [], "asked": [{"zone": "z", "from": "a", "source": "%s", "into": "y", '
    '"to": "b", "address": "10.0.0.2", "family": 4, "sources": null, "targets": null}], '
    '"constants": [{"family": 4, "end": "source", "addresses": ["%s"]}]}'
)
PAIR = Pair("left", "client", "10.0.1.10", "right", "server", "10.0.2.10", 4)


def exposure(*ports: tuple[int, int], **keys: Any) -> Exposure:
    return Exposure(PAIR, "tcp", ports, Kind.ALLOWED, Arrived("server", port=8443), rule("publish|web"), **keys)


def report(*exposures: Exposure, **keys: Any) -> ExposureReport:
    return ExposureReport("made", exposures, questions=2, swept=1, seconds=1.5, **keys)


def test_rows_that_assert_and_ports_that_none_does() -> None:
    web = replace(cell(service=Service("tcp/443", "tcp", ((443, 443),))), row="web")
    exempt = ExceptionSpec(owner="net-sec", ticket="CHG-1", review=datetime.date(2030, 1, 1))
    trial = replace(cell(service=Service("tcp/8000", "tcp", ((8000, 8010),)), exception=exempt), row="trial")
    denied = cell("drop", service=Service("tcp/22", "tcp", ((22, 22),)))
    assertions = Assertions([web, trial, denied])
    rows, left, exemption = assertions.of(PAIR, "tcp", ((22, 22), (443, 443), (8010, 8012)))
    assert [row.partition(" (")[0] for row in rows] == ["made: web", "made: trial"]
    assert (left, exemption) == (((22, 22), (8011, 8012)), exempt)
    assert assertions.of(PAIR, "udp", ((443, 443),)) == ((), ((443, 443),), None)
    assert assertions.of(PAIR._replace(source="10.0.1.11"), "tcp", ((443, 443),))[0] == ()


@pytest.mark.parametrize(
    ("then", "now", "added", "gone"),
    [
        (((443, 443),), ((443, 443),), (), ()),
        (((443, 443),), ((442, 444),), ((442, 442), (444, 444)), ()),
        (((80, 90),), ((85, 85),), (), ((80, 84), (86, 90))),
        ((), ((22, 22),), ((22, 22),), ()),
    ],
)
def test_what_changed(tmp_path: Path, then: Ranges, now: Ranges, added: Ranges, gone: Ranges) -> None:
    file = tmp_path / "exposed.json"
    before = report(*((exposure(*then),) if then else ()))
    file.write_text(json.dumps(exposure_json(before)))
    saved, current = read_saved(file, "made").open, open_ports([exposure(*now)])
    place = ("client", "server", "10.0.2.10", 4, "tcp")
    assert more(current, saved) == ((Change(*place, added),) if added else ())
    assert more(saved, current) == ((Change(*place, gone),) if gone else ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "no report"), ("[]", "no report"), ('{"version": 9, "topology": "made", "exposures": []}', "version 9"),
        ('{"version": 1, "topology": "other", "exposures": []}', "about topology 'other'"),
        ('{"version": 1, "topology": "made", "exposures": [{}]}', "no report"), (None, "cannot be read"),
        ("[" * 100_000, "no report"),
        (_OF_CLASSES % ("10.0.0.300", "10.0.0.0/8"), "does not appear to be"),
        (_OF_CLASSES % ("2001:db8::1", "10.0.0.0/8"), "is no IPv4 address"),
        (_OF_CLASSES % ("10.0.0.3", "10.0.0.9-10.0.0.1"), "no range of addresses"),
        (_WITH_PORTS % "[[90, 80]]", "are no ports"), (_WITH_PORTS % "[[1, 70000]]", "are no ports"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_report(tmp_path: Path, text: str | None, told: str) -> None:
    file = tmp_path / "exposed.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=told):
        read_saved(file, "made")


def test_the_table_names_all_that_is_known() -> None:
    ports = (443, 443), (8000, 8001)
    known = exposure(*ports, owner="net-sec", ticket="CHG-1", asserted=("made: web",), unasserted=ports[1:])
    new = (Change("client", "server", "10.0.2.10", 4, "tcp", ((8000, 8001),)),)
    text = "\n".join(exposure_lines(report(known, lost=("x > y tcp/1: z",), unsettled=("u",), added=new, gone=())))
    for words in (
        "left client 10.0.1.10 -> right server 10.0.2.10", "tcp/443,8000-8001", "yes -> server port 8443",
        "owner net-sec, ticket CHG-1", "asserted by no matrix:\n  gateway filter:FORWARD:1", ": tcp/8000-8001  left",
        "NEW: client > server (10.0.2.10) tcp/8000-8001", "not proven: x > y", "unsettled: u", "1 new, 0 gone",
        "1 exposure by 1 rule (3 ports, 2 asserted by no matrix)",
    ):  # fmt: skip
        assert words in text


def test_markdown_takes_nothing_of_a_file_for_markup() -> None:
    text = exposure_markdown(report(exposure((443, 443))))
    (row,) = [line for line in text.splitlines() if "server" in line and line.startswith("| ")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert "(publish|web)" in rendered(text).text
    assert "publish\\|web" in row


def test_what_is_not_asked_again_is_not_gone() -> None:
    v6 = PAIR._replace(source="2001:db8:1::10", address="2001:db8:2::10", family=6)
    then = open_ports([exposure((443, 443)), replace(exposure((443, 443)), pair=v6)])
    assert set(asked_again(then, None, (4, 6))) == set(then)
    assert [place[3] for place in asked_again(then, None, (4,))] == [4]
    assert [place[3] for place in asked_again(then, [v6], (4, 6))] == [6]


def test_a_word_that_names_nothing_is_told_though_another_does() -> None:
    assert choose([PAIR], ["left"], ["server", "10.0.2.10"], []) == [PAIR]
    with pytest.raises(InputError, match=r"--from 'lft': no node.*\n.*left, client"):
        choose([PAIR], ["client", "lft"], [], [])
    with pytest.raises(InputError, match="--to 'sever'"):
        choose([PAIR], [], ["server", "sever"], [])
