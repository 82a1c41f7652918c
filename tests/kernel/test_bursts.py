"""Limits of every kind and dialect, in both families: so many packets pass, and the rule that says so denies the others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.prepare.plan import Choices, make_plan
from lab.record.result import Outcome
from lab.record.way import Way
from lab.ruleset.backend import Backend
from lab.run.runner import Order, run
from tests.kernel.bursting import NEW, SECOND, TO, native, results, row, saved, told
from tests.kernel.conftest import Silent
from tests.unit.docs.test_examples import ROOT, blocks_of

pytestmark = pytest.mark.kernel

HASH = "-m hashlimit --hashlimit-name"
RECENT = "-m recent --name"
TOO_MANY = "-m comment --comment too-many"
RESET = "-j REJECT --reject-with tcp-reset"
SAVED = saved(
    f"{TO} tcp --dport 21 -m limit --limit 5/min --limit-burst 5 -j ACCEPT",
    f"{TO} tcp --dport 22 {HASH} ssh --hashlimit-mode srcip --hashlimit-above 5/min {TOO_MANY} -j DROP",
    f"{TO} tcp --dport 22 -j ACCEPT",
    f"{TO} tcp --dport 220:221 {HASH} each --hashlimit-mode dstport --hashlimit-upto 4/hour --hashlimit-burst 4 -j ACCEPT",
    f"{TO} tcp --dport 23 {RECENT} a --update --seconds 60 --hitcount 4 {TOO_MANY} -j DROP",
    f"{TO} tcp --dport 23 {RECENT} a --set -j ACCEPT",
    f"{TO} tcp --dport 24 {RECENT} b --rcheck --seconds 60 --hitcount 3 --rttl {TOO_MANY} -j DROP",
    f"{TO} tcp --dport 24 {RECENT} b --set -j ACCEPT",
    f"{TO} tcp --dport 25 -m connlimit --connlimit-above 3 {TOO_MANY} {RESET}",
    f"{TO} tcp --dport 25 -j ACCEPT",
    f"{TO} tcp --dport 26 -m connlimit --connlimit-upto 3 --connlimit-daddr -j ACCEPT",
    f"{TO} tcp --dport 28 -m connlimit --connlimit-above 4 --connlimit-mask 24 {TOO_MANY} -j DROP",
    f"{TO} tcp --dport 28 -j ACCEPT",
    f"{TO} udp --dport 27 -m quota --quota 320 -j ACCEPT",
)
NATIVE = native(
    f"{NEW} tcp dport 21 limit rate 5/minute burst 5 packets accept",
    f'{NEW} tcp dport 22 add @v4 {{ ip saddr limit rate over 5/minute burst 5 packets }} drop comment "too-many"',
    f'{NEW} tcp dport 22 add @v6 {{ ip6 saddr limit rate over 5/minute burst 5 packets }} drop comment "too-many"',
    f"{NEW} tcp dport 22 accept",
    f"{NEW} tcp dport 220-221 update @ports {{ tcp dport limit rate 4/hour burst 4 packets }} accept",
    f'{NEW} tcp dport 23 limit rate over 3/minute burst 3 packets drop comment "too-many"',
    f"{NEW} tcp dport 23 accept",
    f'{NEW} tcp dport 24 limit name "ssh" accept',
    f'{NEW} tcp dport 25 add @c4 {{ ip saddr ct count over 3 }} reject with tcp reset comment "too-many"',
    f'{NEW} tcp dport 25 add @c6 {{ ip6 saddr ct count over 3 }} reject with tcp reset comment "too-many"',
    f"{NEW} tcp dport 25 accept",
    f"{NEW} tcp dport 26 ct count 3 accept",
    f'{NEW} tcp dport 28 ct count over 4 drop comment "too-many"',
    f"{NEW} tcp dport 28 accept",
    f"{NEW} udp dport 27 quota until 320 bytes accept",
    f"{NEW} tcp dport 29 meter m4 {{ ip saddr limit rate 5/minute burst 3 packets }} accept",
    f"{NEW} tcp dport 29 meter m6 {{ ip6 saddr limit rate 5/minute burst 3 packets }} accept",
    sets=(
        "set v4 { type ipv4_addr; flags dynamic; timeout 60s; }", "set v6 { type ipv6_addr; flags dynamic; timeout 60s; }",
        "set c4 { type ipv4_addr; flags dynamic; size 100; }", "set c6 { type ipv6_addr; flags dynamic; size 100; }",
        "set ports { type inet_service; flags dynamic; timeout 60s; }", "limit ssh { rate 2/minute burst 2 packets }",
    ),
)  # fmt: skip
DIALECTS = {"nft": (SAVED, Backend.NFT), "legacy": (SAVED, Backend.LEGACY), "native": (NATIVE, Backend.NFT)}
DENIED = {"expect": "drop", "rule": "too-many"}


ROWS = [
    row("limit", "tcp/21", 12, 5),
    row("by source", "tcp/22", 8, 5, DENIED, **{"from": "client"}),
    row("by port", "tcp/220-221", 6, 4),
    row("list", "tcp/23", 6, {"min": 3, "max": 4}, DENIED),
    row("second list", "tcp/24", 5, {"min": 2, "max": 3}),
    row("connections", "tcp/25", 5, 3, {"expect": {"reject": "tcp-reset"}, "rule": "too-many"}, open=True),
    row("connections to one", "tcp/26", 5, 3, open=True),
    row("connections of a network", "tcp/28", 3, 4, DENIED, open=True, together=True, **{"from": "client"}),
    row("quota", "udp/27", 9, {"min": 5, "max": 7}),
]


@pytest.mark.parametrize(("files", "loader"), DIALECTS.values(), ids=DIALECTS)
def test_limits(tmp_path: Path, files: Mapping[str, str], loader: Backend) -> None:
    rows = [*ROWS, row("meter", "tcp/29", 4, 3)] if files is NATIVE else ROWS
    found = results(tmp_path, files, rows, loader)
    assert {name: cell.differences for name, cell in found.items() if cell.outcome is not Outcome.PASSED} == {}
    assert len(found) == 2 * len(rows), "both families"
    assert told(found["limit/4"]) == ["1-5 allowed 6-12 dropped"]
    assert told(found["limit/6"]) == told(found["limit/4"])
    assert told(found["by source/6"]) == ["1-5 allowed 6-8 dropped"] * 3, "of its own, and of two addresses of the client"
    assert {series.source for series in found["by source/6"].bursts} == {"2001:db8:1::20", "2001:db8:1::a", SECOND[6]}
    assert told(found["by port/4"]) == ["1-4 allowed 5-6 dropped"] * 2
    assert told(found["connections/4"]) == ["1-3 allowed 4-5 rejected"]
    network = told(found["connections of a network/4"])
    assert network == ["1-3 allowed", "1 allowed 2-3 dropped", "1-3 dropped"], "the third connection of one leaves one"


def test_what_is_wrong_with_a_burst(tmp_path: Path) -> None:
    rows = [
        row("too many", "tcp/21", 12, 4),
        row("too few", "tcp/21", 12, {"min": 6, "max": 7}),
        row("other rule", "tcp/22", 8, 5, {"expect": "drop", "rule": "limit"}),
        row("rejected and not dropped", "tcp/25", 5, 3, open=True),
        row("all", "tcp/25", 5, 3, {"expect": {"reject": "tcp-reset"}}),
        row("not its own", "tcp/21", 6, 5, **{"from": "client"}),
        {**row("no such rule lets them", "tcp/23", 3, 3), "rule": "ssh"},
    ]
    found = results(tmp_path, SAVED, [{**one, "family": 4} for one in rows])
    by_limit = "1-5 allowed by gateway filter:FORWARD:2, 6-12 dropped by gateway filter:FORWARD policy"
    assert {name: (str(cell.outcome), cell.differences[0]) for name, cell in found.items()} == {
        "too many/4": ("fail-open", f"at most 4 must pass, but 5 of 12 passed: {by_limit}"),
        "too few/4": ("fail-closed", f"at least 6 must pass, but 5 of 12 passed: {by_limit}"),
        "other rule/4": (
            "mismatch",
            "packet 6-8: must be decided by rule limit, but was by gateway filter:FORWARD:3 (too-many)",
        ),
        "rejected and not dropped/4": (
            "mismatch",
            "packet 4-5: must be dropped, but was rejected (tcp-reset) by gateway filter:FORWARD:10 (too-many)",
        ),
        "all/4": ("fail-open", "at most 3 must pass, but 5 of 5 passed: 1-5 allowed by gateway filter:FORWARD:11"),
        "not its own/4": (
            "fail-closed",
            "at least 5 must pass, but from 10.0.1.10: 0 of 6 passed: 1-6 dropped by gateway filter:FORWARD policy",
        ),
        "no such rule lets them/4": (
            "mismatch", "packet 1-3: must be decided by rule ssh, but was by gateway filter:FORWARD:7",
        ),
    }  # fmt: skip
    assert found["too many/4"].verdict.observation.sent.sport is not None


def test_what_a_limit_refills_meanwhile_is_let_through_and_told(tmp_path: Path) -> None:
    files = saved(f"{TO} tcp --dport 21 -m limit --limit 10000/s --limit-burst 5 -j ACCEPT")
    again = row("again", "tcp/21", 20, 5, again={"after": "1ms", "pass": 5})
    found = results(tmp_path, files, [{**row("fast", "tcp/21", 20, 5), "family": 4}, {**again, "family": 4}])
    cell = found["fast/4"]
    assert (found["again/4"].outcome, len(found["again/4"].notes)) == (Outcome.PASSED, 2)
    assert (cell.outcome, told(cell)) == (Outcome.PASSED, ["1-20 allowed"])
    (note,) = cell.notes
    assert note.startswith("20 of 20 passed: 1-20 allowed by gateway filter:FORWARD:2; 5 are expected, and in ")
    assert "10000/second burst 5 lets " in note


def test_a_limit_opens_again(tmp_path: Path) -> None:
    """The one test that waits: 1.2 s, for what forgets after a second, and what regains a packet in each."""
    files = saved(
        f"{TO} tcp --dport 23 {RECENT} brief --rcheck --seconds 1 --hitcount 3 {TOO_MANY} -j DROP",
        f"{TO} tcp --dport 23 {RECENT} brief --set -j ACCEPT",
        f"{TO} tcp --dport 21 -m limit --limit 1/s --limit-burst 4 -j ACCEPT",
    )
    rows = [row("list", "tcp/23", 5, 3, DENIED, again={"after": "1200ms", "pass": 3}),
            row("limit", "tcp/21", 6, 4, again={"after": "1200ms", "pass": {"min": 1, "max": 1}}),
            row("not yet", "tcp/21", 6, 4, again={"after": "1ms", "pass": 0})]  # fmt: skip
    found = results(tmp_path, files, [{**one, "family": 4} for one in rows])
    assert {name: cell.differences for name, cell in found.items() if cell.outcome is not Outcome.PASSED} == {}
    assert [one.after for one in found["list/4"].bursts] == [0, 1.2]
    assert found["list/4"].expected == "allow 3 of 5, 3 after another 1.2 s, and drop the rest"


def test_the_example_of_the_docs_is_what_its_page_says(tmp_path: Path) -> None:
    for block in blocks_of(ROOT / "docs" / "bursts.md"):
        data = block.read().data if block.info == "yaml" else {}
        name = f"topologies/{data['topology']}.yaml" if "nodes" in data else f"matrices/{data.get('matrix')}.yaml"
        file = tmp_path / (block.info.removeprefix("jinja ") if block.info.startswith("jinja") else name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
    for backend in Backend:
        plan = make_plan(tmp_path / "matrices" / "front-door.yaml", Choices())
        ran = run([plan.in_way(Way(str(backend)), "")], Order(), Silent())
        assert ran.exit_code == 0, [cell.differences for cell in ran.results]
        assert [told(cell)[0] for cell in ran.results][::3] == ["1-5 allowed 6-20 dropped", "1-4 allowed 5-6 rejected"]
