"""The shipped changes rehearsed: each ends as it says, and no packet of its window goes uncounted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from lab.report.wire.schema import rehearse_schema
from tests.doors.project import LAB, Ended, run
from tests.doors.shipped import ROOT

pytestmark = pytest.mark.kernel

SVG = "{http://www.w3.org/2000/svg}"
ENDS = {
    "CHG-2301": "confirmed", "CHG-2302": "confirmed", "CHG-2303": "confirmed", "CHG-2304": "locked-out",
    "CHG-2305": "rolled-back", "CHG-2306": "refused",
}  # fmt: skip
STEADY = ("CHG-2301", "CHG-2304", "CHG-2305", "CHG-2306")
PHASES = ["T-60", "T-10", "T+0", "T+5", "T+15", "T+30", "after"]
WITNESSES = {
    "what the tools print", "trace", "capture", "capture, counters", "counters", "the script", "the script's exit code",
    "the change",
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What one command said, and wrote."""

    folder: Path
    done: Ended
    document: dict[str, Any]

    def of(self, change: str) -> dict[str, Any]:
        (one,) = (one for one in self.document["rehearsals"] if one["change"] == change)
        found: dict[str, Any] = one
        return found

    def words(self, change: str, phase: str) -> list[str]:
        return [event["what"] for event in self.of(change)["events"] if event["phase"] == phase]


@pytest.fixture(scope="module", params=["nft", "legacy"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """All six by one command, without the trials, on each backend."""
    folder = tmp_path_factory.mktemp(request.param)
    wanted = {"--json": "r.json", "--markdown": "r.md", "--svg": "r.svg", "--evidence": "kept"}
    reports = [part for option, name in wanted.items() for part in (option, str(folder / name))]
    flags = ("--no-trials", "--allow-commands", "--backend", request.param)
    done = run([LAB, "rehearse", "changes", *flags, *reports], ROOT)
    return Told(folder, done.ended(0), json.loads((folder / "r.json").read_text()))


def test_each_ends_as_its_change_says(told: Told) -> None:
    assert {one["change"]: one["end"] for one in told.document["rehearsals"]} == ENDS
    assert {one["change"]: one["ends"] for one in told.document["rehearsals"]} == ENDS
    assert [one["faults"] for one in told.document["rehearsals"]] == [[]] * 6
    assert told.done.out.splitlines()[-2] == "6 changes rehearsed, all as their changes say"
    assert "FAIL" not in told.done.out
    jsonschema.validate(told.document, rehearse_schema())


def test_every_event_has_its_phase_and_its_witness(told: Told) -> None:
    for one in told.document["rehearsals"]:
        phases = [PHASES.index(event["phase"]) for event in one["events"]]
        assert phases == sorted(phases)
        assert {event["witness"] for event in one["events"]} <= WITNESSES
        assert not [event for event in one["events"] if event["good"] is False]
        times = [event["seconds"] for event in one["events"]]
        assert times == sorted(times)
        assert times[-1] <= one["seconds"]
        assert one["timer_s"] == (None if one["way"] == "boot" else 60)
    compressed = "the time between the phases is left out, and the timer's 60 s are over when the lab says so"
    assert [compressed in one["notes"] for one in told.document["rehearsals"]] == [True, True, False, True, True, True]


@pytest.mark.parametrize("change", ENDS)
def test_no_packet_of_the_window_goes_uncounted(told: Told, change: str) -> None:
    window = told.of(change)["window"]
    assert (window["unsteady"], len(window["streams"])) == ([], len({one["name"] for one in window["streams"]}))
    assert len(window["streams"]) > 40
    counted = sum(one["packets"] for one in (*window["streams"], *window["flows"]))
    assert counted == window["packets"]
    for one in (*window["streams"], *window["flows"]):
        assert sum(part["packets"] for part in one["runs"]) == one["packets"]
    wrong = dict.fromkeys(("opened", "refused", "strayed"), 0)
    for one in window["streams"]:
        for part in one["runs"]:
            if part["state"] in wrong:
                wrong[part["state"]] += part["packets"]
    assert {state: window[state]["packets"] for state in wrong} == wrong
    assert [words for words in told.words(change, "T+0") if words.startswith(f"{window['packets']:,} packets in ")]


@pytest.mark.parametrize("change", STEADY)
def test_a_load_in_one_piece_opens_nothing_and_breaks_nothing(told: Told, change: str) -> None:
    window = told.of(change)["window"]
    assert [window[kind]["packets"] for kind in ("opened", "refused", "strayed")] == [0, 0, 0]
    assert window["opened"]["first"] is None
    assert len(window["flows"]) > 5
    assert not [flow for flow in window["flows"] if flow["broken"] or flow["lost"]]


def first_of(told: Told, change: str) -> str:
    """What is told of the packet that got through first; it is the first of the window's."""
    opened = told.of(change)["window"]["opened"]
    streams = told.of(change)["window"]["streams"]
    starts = [(part["start_ms"], one["name"]) for one in streams for part in one["runs"] if part["state"] == "opened"]
    assert opened["packets"] > 0
    assert min(starts)[0] == opened["first"]["ms"]
    assert opened["ms"] > 0
    (words,) = (words for words in told.words(change, "T+0") if words.startswith("got through first: "))
    assert words.startswith(f"got through first: {opened['first']['flow']} (cutover::")
    return words


def test_who_flushes_first_opens_everything_and_is_told_by_which_command(told: Told) -> None:
    words = first_of(told, "CHG-2302")
    command = words.rpartition("while command `")[2].removesuffix("` ran")
    moments = told.of("CHG-2302")["window"]["moments"]
    labels = [moment["label"] for moment in moments]
    assert command in labels
    assert "tables-" in command
    first = told.of("CHG-2302")["window"]["opened"]["first"]["ms"]
    assert next(moment["label"] for moment in moments if moment["ms"] >= first) == command
    assert labels[0] == "the first command begins"
    assert labels[-1] == "over"
    assert len(labels) > 20


def test_a_host_that_starts_is_open_until_its_rules_are_loaded(told: Told) -> None:
    first_of(told, "CHG-2303")
    window = told.of("CHG-2303")["window"]
    assert [moment["label"] for moment in window["moments"]][:2] == [
        "interfaces are up, and there are no rules", "the rules begin to load",
    ]  # fmt: skip
    bare = next(moment["ms"] for moment in window["moments"])
    end = window["moments"][-1]["ms"]
    for one in window["streams"]:
        opened = [part for part in one["runs"] if part["state"] == "opened"]
        assert all(bare <= part["start_ms"] <= part["end_ms"] <= end for part in opened)
    broken = [flow for flow in window["flows"] if flow["broken"]]
    assert broken, "the host knows no connection any more"
    assert sum(words.startswith("broken: the established flow ") for words in told.words("CHG-2303", "T+0")) == len(broken)


def test_who_would_be_locked_out_is_told_from_where_and_by_which_rule(told: Told) -> None:
    found = told.of("CHG-2304")
    assert found["locked_out"].startswith("you would be locked out from 10.0.9.10 > 10.0.9.1 tcp/22 by gateway filter:INPUT:")
    text = (ROOT / "policies/cutover.rules.j2").read_text().splitlines()
    line = next(number for number, rule in enumerate(text, 1) if rule.startswith("-A INPUT") and "drop-rest" in rule)
    assert found["locked_out"].endswith(f" (drop-rest) [policies/cutover.rules.j2:{line}]")
    (words,) = told.words("CHG-2304", "T+30")
    assert words == f"{found['locked_out']}; your session of before goes on, and would hide it"
    assert f"T+30   ok  {words}" in told.done.out
    (admin,) = (flow for flow in found["window"]["flows"] if flow["flow"].endswith("10.0.9.1 tcp/22"))
    assert (admin["broken"], admin["lost"]) == (False, 0)


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ("CHG-2304", "the timer of 60 s put the rules of before back"),
        ("CHG-2305", "the timer of 60 s put the rules of before back"),
        ("CHG-2306", "the script put the rules of before back"),
    ],
)
def test_what_is_rolled_back_is_as_before_in_its_rules_and_to_packets(told: Told, change: str, how: str) -> None:
    state, matrices = told.words(change, "after")
    assert state.startswith(f"{how}: the node is as before")
    assert not [one for one in told.of(change)["left"] if not one["carried"]]
    (before,) = (words for words in told.words(change, "T-60") if words.endswith(" before"))
    assert matrices == f"{before.removesuffix(' before')}, as before"
    held, _, of = before.removesuffix(" cells of the matrices hold before").partition(" of ")
    assert held == of
    assert int(of) > 40


def test_a_load_that_is_refused_is_told_in_the_tools_own_words(told: Told) -> None:
    (words, *_) = (words for words in told.words("CHG-2306", "T+0"))
    assert "the load was refused: " in words
    assert "/etc/firewall/next.rules" in words
    assert "the rules of before are in force again" in words
    assert told.words("CHG-2306", "T+5") == told.words("CHG-2306", "T+30") == []


@pytest.mark.parametrize("change", ["CHG-2301", "CHG-2302"])
def test_what_is_confirmed_stays(told: Told, change: str) -> None:
    assert told.words(change, "T+30")[-1] == "confirmed by a new connection with the token; stable"
    assert told.words(change, "after") == []
    for rows in (told.of(change)["intended"], told.of(change)["holds"]):
        assert rows
        assert {row["passed"] for row in rows} == {True}
    counters = told.of(change)["counters"]
    assert 0 < len(counters) <= 10
    assert [one["packets"] for one in counters] == sorted((one["packets"] for one in counters), reverse=True)


def pictures(file: Path) -> Iterator[tuple[list[str], list[str]]]:
    """What each picture says, and what a pointer over it is told."""
    root = ElementTree.fromstring(file.read_text())
    for picture in root.findall(f"{SVG}svg") or [root]:
        texts = picture.iter(f"{SVG}text")
        said = ["".join(part for part in (text.text, *(child.tail for child in text)) if part) for text in texts]
        yield said, [title.text or "" for title in picture.iter(f"{SVG}title")]


def test_the_plot_has_every_window_with_its_moments(told: Told) -> None:
    found = list(pictures(told.folder / "r.svg"))
    assert len(found) == 6
    for (said, pointed), change in zip(found, ENDS, strict=True):
        window = told.of(change)["window"]
        assert said[0].startswith(f"gateway: {window['opened']['packets']} got through, {window['refused']['packets']} refused")
        for number, moment in enumerate(window["moments"][:24], 1):
            assert f"{number}  {moment['ms']:,.1f} ms  {moment['label']}"[:129] in [one[:129] for one in said]
        assert any(" opened, " in words for words in pointed) is bool(window["opened"]["packets"])


def test_markdown_has_a_timeline_of_each(told: Told) -> None:
    lines = (told.folder / "r.md").read_text().splitlines()
    assert lines[0] == "## Changes rehearsed: as the changes say"
    assert [line.partition(":")[0] for line in lines if line.startswith("### ")] == [f"### {change}" for change in ENDS]
    events = sum(len(one["events"]) for one in told.document["rehearsals"])
    assert sum(line.startswith(("| T", "| after")) for line in lines) == events


def test_the_bundle_is_whole_and_refused_once_a_plot_is_another(told: Told) -> None:
    (bundle,) = (told.folder / "kept").iterdir()
    assert f"evidence: {bundle}, " in told.done.out
    plots = sorted(bundle.glob("window/*.svg"))
    assert [plot.name[:8] for plot in plots] == list(ENDS)
    document = json.loads((bundle / "rehearsal.json").read_text())
    assert [one["end"] for one in document["rehearsals"]] == list(ENDS.values())
    assert f"{bundle}: whole: " in run([LAB, "evidence", "verify", str(bundle)], ROOT).ended(0).out
    picture = plots[1]
    content = picture.read_bytes()
    picture.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    refused = run([LAB, "evidence", "verify", str(bundle)], ROOT).ended(1).out
    picture.write_bytes(content)
    assert refused.startswith(f"{bundle}: REFUSED\n  window/{picture.name}: changed: its SHA-256 is ")


def test_with_its_trials_the_rollback_holds_in_every_way(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    done = run([LAB, "rehearse", "changes/CHG-2301.yaml", "--json", str(file)], ROOT).ended(0)
    (found,) = json.loads(file.read_text())["rehearsals"]
    assert len(found["trials"]) >= 10
    assert {trial["passed"] for trial in found["trials"]} == {True}
    names = [trial["name"] for trial in found["trials"]]
    assert {
        "nobody confirms it", "the shell that applied it is killed, and its session", "a command fails",
        "it is applied once more",
    } <= set(names)  # fmt: skip
    assert f"the rollback was tried in {len(names)} ways: it holds in {len(names)}" in done.out
