"""The words of a row are those of ``lab trace``, ``lab sweep`` and ``lab exposure``: the same words ask the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
BY_SOURCE = """\
-A FORWARD -s 203.0.113.77/32 -m comment --comment "from-afar" -j DROP
-A FORWARD -s 192.0.2.1/32 -m comment --comment "first-of-prefix" -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -s 10.0.2.10/32 -d 192.0.2.9/32 -m comment --comment "from-inside" -j DROP
"""
FLOWS = {
    ("role:internet", "web-vip", "tcp/443"): ("allowed", "publish-web"),
    ("world@wan", "role:backend", "tcp/80"): ("dropped", None),
    ("{at: world, address: 203.0.113.77}", "10.0.2.0/24", "tcp/8443"): ("dropped", "from-afar"),
    ("192.0.2.0/24", "web@dmz", "tcp/22"): ("rejected", "first-of-prefix"),
    ("net:dmz", "{at: world, address: 192.0.2.9}", "tcp/25"): ("dropped", "from-inside"),
    ("203.0.113.77", "web-vip", "ping"): ("dropped", "drop-icmp"),
}
"""What a command asks, and its verdict with the comment of the rule; the sources tell the rules apart."""
SWEPT = [*FLOWS][::2]


def named(rule: dict[str, Any]) -> str:
    """A rule as ``lab trace`` names it."""
    place = f"{rule['node']} {rule['table']}:{rule['chain']}"
    return f"{place}:{rule['number']} ({rule['comment']})" if rule["number"] else f"{place} policy"


def test_trace_sweep_and_a_row_say_the_same_of_the_same_words(project: Project) -> None:
    project.edit(POLICY, "-A FORWARD -d {{ web }} -p", f"{BY_SOURCE}-A FORWARD -d {{{{ web }}}} -p")
    project.edit("topologies/small.yaml", "\nnodes:", "\nservices: {ping: [icmp/echo-request, icmpv6/echo-request]}\nnodes:")
    head, _, _ = project.read("matrices/small.yaml").partition("flows:")
    rows = (f"  - {{name: r{number}, from: {sender}, to: {target}, service: {service}, expect: drop}}\n"
            for number, (sender, target, service) in enumerate(FLOWS))  # fmt: skip
    project.write("matrices/small.yaml", f"{head}flows:\n{''.join(rows)}")
    cells = project.results()["cells"]
    assert [(cell["verdict"], cell["rule"]["comment"]) for cell in cells] == list(FLOWS.values())
    for words, cell in zip(FLOWS, cells, strict=True):
        told = [line.split(maxsplit=1) for line in project.lab("trace", *words).ended(0).out.splitlines()]
        assert told[0][1].startswith(cell["verdict"]), words
        assert [line for line in told if line[0] == "by" and line[1].startswith(named(cell["rule"]))], words
        assert [line for line in told if line[0] == "sent" and f" {cell['source']}" in line[1]], words
        if words in SWEPT:
            project.lab("sweep", *words, "--json", "sweep.json").ended(0)
            ((group,),) = [sweep["groups"] for sweep in json.loads(project.read("sweep.json"))["sweeps"]]
            assert (group["verdict"], group["rule"]) == (cell["verdict"], cell["rule"]), words


@pytest.mark.parametrize(
    ("command", "words", "told"),
    [
        ("trace", ("role:backend", "world", "tcp/1"), ["role:backend stands for web and spare where one belongs", "them: web"]),
        ("sweep", ("backend", "world", "tcp/1"), ["role:backend stands for web and spare where one belongs"]),
        ("trace", ("world", "net:dmz", "tcp/1"), ["net:dmz stands for gateway@dmz, web and spare where", "them: gateway@dmz"]),
        ("sweep", ("role:gateway", "web", "tcp/1"), ["role:gateway selects no node that could send", "name it"]),
        ("trace", ("10.0.2.77", "world", "tcp/1"), ["10.0.2.77 cannot send: no node has it", "from: NODE, source: 10.0.2.77"]),
        ("trace", ("world", "wbe", "tpc/1"), ["there is no node or name 'wbe'", "mean 'web'?", "'tpc' is not a protocol"]),
    ],
)
def test_a_word_that_is_wrong_or_stands_for_several(
    project: Project, command: str, words: tuple[str, ...], told: list[str]
) -> None:
    done = project.lab(command, *words, "--topology", "small-elsewhere", "--policy", f"gateway={POLICY}").ended(2)
    assert [part for part in told if part not in done.err] == []


def test_an_exposure_is_asked_between_the_words_of_a_row(project: Project) -> None:
    of_all = project.lab("exposure", "--full").ended(0).out
    assert "  world " in of_all
    words = ("--from", "role:internet", "--to", "net:wan")
    assert project.lab("exposure", "--full", *words).ended(0).out.splitlines()[:2] == of_all.splitlines()[:2]
    told = project.lab("exposure", "--from", "role:intranet").ended(2).err
    assert "--from: no node has the role 'intranet'\n    did you mean 'internet'?" in told
