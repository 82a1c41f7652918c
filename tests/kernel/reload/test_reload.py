"""docs/reload.md says of reloads what the kernel does: a part of its cells is asked again, by each kind of way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.reload.facts import FACTS, Fact
from tests.kernel.reload.page import read
from tests.kernel.reload.ways import OTHER, PORT, WAYS, Box, Way, flush_first_script, single_commands
from tests.kernel.reload.window import generation, windows

pytestmark = pytest.mark.kernel
BY_NAME = {way.name: way for way in WAYS}
RESTORE, FLUSH_FIRST, OLD_RESTORE, _, FLUSH_RULESET, DELETE_TABLE, SINGLE = WAYS
ASKED = [(fact, way) for fact in FACTS for way in (RESTORE, FLUSH_FIRST, FLUSH_RULESET, SINGLE)]
ASKED += [(fact, OLD_RESTORE) for fact in FACTS if fact.id in ("recent", "hashlimit", "new-rate", "limit")]
PAGE = read((Path(__file__).parents[3] / "docs" / "reload.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("fact", "way"), [(fact, way) for fact, way in ASKED if (fact.native if way.is_native else fact.iptables)],
    ids=lambda one: one.id if isinstance(one, Fact) else one.name.replace(" ", "-"),
)  # fmt: skip
def test_the_page_says_what_the_kernel_keeps(fact: Fact, way: Way) -> None:
    with Box(way) as box:
        assert fact.told(box) == PAGE.words[fact.id, way.name]


@pytest.mark.parametrize("way", [RESTORE, OLD_RESTORE, DELETE_TABLE], ids=lambda way: way.name.replace(" ", "-"))
def test_one_table_is_exchanged_with_no_packet_in_between(way: Way) -> None:
    found = windows(way, 1, 3)
    assert (found.opened, found.refused, found.reloads) == (0, 0, 3)
    assert found.sent >= 2 * 3 * 2, "no packet was sent meanwhile"


@pytest.mark.parametrize(("policy", "between"), [("ACCEPT", (True, True)), ("DROP", (False, False))])
def test_a_script_that_flushes_first_is_open_or_shut_until_its_last_rule(policy: str, between: tuple[bool, bool]) -> None:
    """Command by command: what is denied, and what is allowed, before and after."""
    with Box(FLUSH_FIRST) as box:
        rules = generation(1, 1, policy)
        box.load(rules)
        seen = []
        for command in ["true", *flush_first_script("iptables-nft", rules).splitlines()]:
            box.shell(command)
            seen.append((box.passes(port=PORT), box.passes(port=OTHER)))
    assert seen[0] == seen[-1] == (False, True)
    flushed, others = seen[1], seen[2:-1]
    assert flushed == between
    assert others[0] == between
    assert (policy == "DROP") is not any(denied for denied, _ in others)


def test_single_commands_of_nft_are_open_meanwhile_too() -> None:
    with Box(SINGLE) as box:
        rules = generation(1, 1)
        box.load(rules)
        commands = single_commands(rules).splitlines()
        box.shell(commands[0])
        assert box.passes(port=PORT)
        box.shell("\n".join(commands[1:]))
        assert not box.passes(port=PORT)
