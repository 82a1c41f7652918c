"""A rehearsal as it is read: how it ended, why it did not go as it should, and nothing of a file that is obeyed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.errors import Problem
from lab.record.node_state import Leftover
from lab.record.rehearsal import End, Event, Phase, Rehearsals, Trial
from lab.record.window import Total
from lab.report.rehearsal import end_words, rehearsal_lines, rehearsals_lines, window_words
from lab.report.rehearsal_markdown import rehearsals_markdown
from lab.report.rehearsal_svg import rehearsals_svg
from lab.report.reports import rehearse_reports
from tests.unit.rehearsed import LOUD, QUIET, of_total, rehearsal, wrong
from tests.unit.report.rendered import rendered

HOSTILE = "x\n::error::y\x1b[31m<script>alert(1)</script> | `id` @team ]]>&"
EVIL = wrong(
    change=HOSTILE, node=HOSTILE, names=(HOSTILE, HOSTILE), way=HOSTILE, locked_out=HOSTILE, notes=(HOSTILE,),
    events=(Event(0.0, Phase.APPLY, HOSTILE, HOSTILE, good=False),), trials=(Trial(HOSTILE, passed=False, what=HOSTILE),),
    left=(Leftover("routes", HOSTILE), Leftover("recent", HOSTILE, carried=True)), problems=(Problem(HOSTILE),),
    window=replace(LOUD, at=HOSTILE, moments=((HOSTILE, 0.5),)),
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def test_it_says_the_end_first_of_all_at_the_end() -> None:
    head, *events, end = rehearsal_lines(rehearsal())
    assert head == "CHG-7 on gw of small (nft): old -> new, by restore"
    assert events[0] == "  T-60      gw holds what old says  [what the tools print]"
    assert events[1] == "  T-10  ok  the admin comes in  [trace]"
    assert end == (
        "CHG-7: confirmed, and the new rules stay; nothing got through that should not; "
        "nothing was stopped that should pass; 1 of 1 established flows went on; 2.2 s"
    )


def test_what_went_wrong_is_told_behind_the_end() -> None:
    told = wrong()
    lines = list(rehearsal_lines(told))
    assert [line for line in lines if line.startswith("  FAIL ")] == [f"  FAIL {fault}" for fault in told.faults]
    assert "  trial: a command fails: it stayed" in lines
    assert not any("nobody confirms it" in line for line in lines)
    assert "note: a note" in lines
    assert "  not as before: + ip route default" in lines
    assert "  carried over: - recent x" in lines
    assert "  FAIL afterwards: + ip route default" in lines


@pytest.mark.parametrize(
    ("end", "by_timer", "words"),
    [
        (End.CONFIRMED, True, "confirmed, and the new rules stay"),
        (End.ROLLED_BACK, True, "rolled back: the old rules are in force, as the change says"),
        (End.REFUSED, True, "the load was refused, and the old rules are in force, as the change says"),
        (End.REFUSED, False, "the load was refused, and the host stands without rules"),
        (End.LOCKED_OUT, True, "locked out, and rolled back by the timer: the old rules are in force, as the change says"),
        (End.LOCKED_OUT, False, "locked out, and the new rules stay: nothing puts the old ones back, as the change says"),
    ],
)
def test_the_rules_that_are_in_force_are_those_that_are(end: End, words: str, *, by_timer: bool) -> None:
    told = rehearsal(end=end, ends=end, timer_s=60 if by_timer else None)
    (last,) = (line for line in rehearsal_lines(told) if line.startswith("CHG-7: "))
    assert last.startswith(f"CHG-7: {words}; ")
    text = rehearsals_markdown(Rehearsals((told,)))
    assert f"### CHG-7: {words.removesuffix(', as the change says')}" in text.splitlines()


def test_of_a_node_that_is_not_as_before_nobody_says_that_the_old_rules_are_in_force() -> None:
    told = rehearsal(end=End.ROLLED_BACK, ends=End.ROLLED_BACK, left=(Leftover("rules", "+ iptables -A INPUT -j ACCEPT"),))
    assert end_words(told) == "rolled back: the node is not as before"


def test_nothing_of_a_file_is_obeyed() -> None:
    for line in rehearsals_lines(Rehearsals((EVIL, EVIL), problems=(Problem(HOSTILE),))):
        assert line.isprintable(), line
        assert not line.lstrip().startswith("::"), line
    text = rehearsals_markdown(Rehearsals((EVIL,), problems=(Problem(HOSTILE),)))
    assert "\x1b" not in text
    shown = rendered(text)
    assert (shown.active(), "script" in shown.tags) == ([], False)
    assert len([line for line in text.splitlines() if line.startswith("| T")]) == 1
    picture = rehearsals_svg(Rehearsals((EVIL,)))
    assert "<script" not in picture
    assert "\x1b" not in picture


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_wanted(width: int) -> None:
    lines = list(rehearsals_lines(Rehearsals((wrong(), EVIL)), width))
    assert max(map(len, lines)) <= width
    whole = "".join("".join(rehearsals_lines(Rehearsals((wrong(),)))).split())
    assert "".join("".join(rehearsals_lines(Rehearsals((wrong(),)), width)).split()) == whole


@pytest.mark.parametrize(
    ("packets", "words"),
    [
        (0, "nothing got through that should not"),
        (1, "1 packet got through that should not, in 1.5 ms"),
        (1234, "1,234 packets got through that should not, in 1.5 ms"),
    ],
)
def test_none_one_and_many_packets(packets: int, words: str) -> None:
    assert window_words(of_total("opened", packets)).split("; ")[0] == words


def test_what_there_was_none_of_is_not_told() -> None:
    assert window_words(None) == "no packet was sent meanwhile"
    assert "went astray" not in window_words(QUIET)
    assert window_words(replace(QUIET, strayed=Total(2, 3.0), flows=())).split("; ")[2:] == ["2 packets went astray, in 3.0 ms"]
    assert window_words(LOUD).endswith("; 0 of 1 established flows went on")


def test_many_changes_are_summed_up_and_one_is_not() -> None:
    fine, bad = rehearsal(), wrong(change="CHG-8")
    assert "changes rehearsed" not in "\n".join(rehearsals_lines(Rehearsals((fine,))))
    assert list(rehearsals_lines(Rehearsals((fine, fine))))[-1] == "2 changes rehearsed, all as their changes say"
    assert list(rehearsals_lines(Rehearsals((fine, bad))))[-1] == "2 changes rehearsed, not as the change says: CHG-8"
    assert list(rehearsals_lines(Rehearsals())) == []


def test_what_stopped_the_others_is_told_with_how_to_mend_it() -> None:
    told = Rehearsals((rehearsal(), rehearsal()), 2, (Problem("it runs a command", mend="allow it"),))
    assert list(rehearsals_lines(told))[-3:] == [
        "it runs a command", "    allow it",
        "2 changes rehearsed, all as their changes say; the others were not, for what is said above",
    ]  # fmt: skip


def test_of_many_lines_some_are_told_and_how_many_are_not() -> None:
    left = tuple(Leftover("routes", f"+ route {number}") for number in range(1, 1011))
    lines = [line for line in rehearsal_lines(rehearsal(left=left)) if line.startswith("  not as before: ")]
    assert len(lines) == 9
    assert lines[-1] == "  not as before: … and 1,002 more (--json has all)"


@pytest.mark.parametrize(
    ("told", "head"),
    [
        (Rehearsals((rehearsal(),)), "## Changes rehearsed: as the changes say"),
        (Rehearsals((rehearsal(), wrong())), "## Changes rehearsed: 1 not as the change says"),
        (Rehearsals((rehearsal(problems=(Problem("x"),)),)), "## Changes rehearsed: 1 not as the change says"),
        (Rehearsals((rehearsal(),), 3, (Problem("x"),)), "## Changes rehearsed: did not finish"),
    ],
)
def test_markdown_says_first_whether_it_is_fine(told: Rehearsals, head: str) -> None:
    assert rehearsals_markdown(told).splitlines()[0] == head


def test_markdown_has_the_timeline_and_what_is_left() -> None:
    lines = rehearsals_markdown(Rehearsals((wrong(),))).splitlines()
    assert "| T-10 | ok | the admin comes in | trace |" in lines
    assert sum(line.startswith("- **FAIL**: ") for line in lines) == len(wrong().faults)
    assert "- **left**: `+` ip route default" in lines
    assert any(line.startswith("- carried over: ") for line in lines)


@pytest.mark.parametrize("windows", [0, 1, 2])
def test_a_picture_has_every_window_below_the_other(windows: int) -> None:
    done = (rehearsal(window=None), *(rehearsal(window=LOUD) for _ in range(windows)))
    picture = ElementTree.fromstring(rehearsals_svg(Rehearsals(done)))
    titles = [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "title"]
    assert titles == ["gateway: 2 got through, 2 refused, 2 strayed, 1 flows broken, of 10 packets in 1.0 ms"] * windows
    parts = picture.findall(f"{SVG}svg") if windows != 1 else [picture]
    tops = [float(part.get("y", "0")) for part in parts]
    assert float(picture.get("height", "-1")) == sum(float(part.get("height", "-1")) for part in parts)
    assert tops == [number * float(picture.get("height", "0")) / max(windows, 1) for number in range(len(parts))]


@pytest.mark.parametrize("windows", [0, 1, 2])
def test_reports_of_yesterday_go_at_once(windows: int, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("r.json", "r.md", "r.svg")]
    reports = rehearse_reports(*files)
    reports.write(Rehearsals((rehearsal(),) * windows))
    yesterday = [file.read_text() for file in files]
    reports.begin()
    assert "did not finish" in files[0].read_text()
    assert files[1].read_text().startswith("## Changes rehearsed: did not finish")
    assert windows == 0 or all(file.read_text() != old for file, old in zip(files, yesterday, strict=True))
