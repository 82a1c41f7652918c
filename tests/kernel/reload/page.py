"""docs/reload.md: what was measured of reloads, and read again from there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.kernel.reload.facts import FACTS
from tests.kernel.reload.ways import WAYS
from tests.kernel.reload.window import Windows

CASES = ((1, "ACCEPT"), (2, "ACCEPT"), (4, "ACCEPT"), (1, "DROP"))
"""Of each way, how many tables are loaded anew, and with which policy."""
NO_WINDOW = "none"
OFTEN, SELDOM = 100, 10
"""Reloads of each case: by one tool that is given all, and by a script of single commands."""

Words = Mapping[tuple[str, str], str]
"""The word of each fact (its id) by each way (its name)."""


@dataclass(frozen=True)
class Page:
    """What the page says: the words of facts, the cells of windows by way and case, and where it was measured."""

    words: Words
    windows: Mapping[tuple[str, int], str]
    machine: str


def cell(found: Windows) -> str:
    """What some reloads came to, in a few words."""
    wrong = [f"{count:,} {what}" for what, count in (("opened", found.opened), ("refused", found.refused)) if count]
    if not wrong:
        return NO_WINDOW
    times = [_ms(one) for one in (median(found.lengths_ms), min(found.lengths_ms), max(found.lengths_ms))]
    seldom = f" in {len(found.lengths_ms)} of {found.reloads}" if len(found.lengths_ms) < found.reloads else ""
    return f"{times[0]} ms ({times[1]} to {times[2]}){seldom}: {', '.join(wrong)}"


def _ms(time: float) -> str:
    return f"{time:.0f}" if time >= 1 else f"{time:.2f}"


def render(page: Page) -> str:
    """The page."""
    return _PAGE.format(
        machine=page.machine, ways=_line(way.name for way in WAYS), dashes="| --- " * (len(WAYS) + 1) + "| --- |",
        facts="\n".join(_facts(page.words)), windows="\n".join(_windows(page.windows)), often=OFTEN, seldom=SELDOM,
    )  # fmt: skip


def read(text: str) -> Page:
    """What a page says that `render` made."""
    rows = [[one.strip() for one in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    ids = {fact.what: fact.id for fact in FACTS}
    names = [way.name for way in WAYS]
    words = {
        (ids[row[0]], name): word
        for row in rows if row[0] in ids
        for name, word in zip(names, row[1:], strict=False)
    }  # fmt: skip
    windows = {
        (name, number): one
        for row in rows if (name := row[0].strip("`")) in names
        for number, one in enumerate(row[1:])
    }  # fmt: skip
    machine = re.search(r"Measured on (.*?)\.\n", text)
    return Page(words, windows, machine[1] if machine else "")


def _facts(words: Words) -> Iterator[str]:
    for fact in FACTS:
        yield f"| {fact.what} {_line(words[fact.id, way.name] for way in WAYS)} {fact.means} |"


def _windows(cells: Mapping[tuple[str, int], str]) -> Iterator[str]:
    for way in WAYS:
        yield f"| `{way.name}` {_line(cells[way.name, number] for number in range(len(CASES)))}"


def _line(cells: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


_PAGE = """\
# What survives a reload

What a firewall remembers when its rules are loaded once more: asked of the kernel, by each way to load them. `ci/reload`
measures it and writes this page, and tests ask a part of it again (`tests/kernel/reload/`).

Measured on {machine}.

- `iptables-…-restore`: the file as a whole; of a table that it speaks of all rules are exchanged.
- `iptables-… -F, then -A`: a script that flushes the tables which it writes, and then adds rule by rule.
- `nft -f, flush ruleset`: a script that begins with these words.
- `nft -f, delete table`: one that deletes the tables which it makes.
- `nft flush chain, add rule`: single commands; tables, sets and what has a name stay.

## What is kept

A cell is `-` where that way has no such thing.

| what {ways} what it means |
{dashes}
{facts}

Both backends of iptables fare alike. What lives with a rule (`limit`, `quota`, `connlimit`, counters) goes with every
reload. What has a name of its own (`recent`, `hashlimit`) lives as long as some rule names it: restore makes the new rules
before it lets go of the old ones, so the list is found again; a script that flushes first has no rule that names it for a
moment. What stands beside the rules is touched by none of them: sets of ipset, and conntrack as long as a rule asks it.

## How long it takes, and what passes meanwhile

Packets were sent all the while, in turn such as are denied before and after (what got through is *opened*) and such as are
allowed before and after (*refused*). With two tables and more the filter table allows only what the mangle table of the
same load has marked: where both loads are mixed, packets are refused. A time is from the first to the last packet that
fared so in one reload: the median of those reloads that had such packets, and in brackets the least and the most. Restore
and `nft -f` were done {often} times, scripts of single commands {seldom} times. Each table has five rules and those that
are asked. The figures are those of one machine while others worked on it: take them as ranges.

| way | one table | two tables | four tables | one table, policy DROP |
| --- | --- | --- | --- | --- |
{windows}

- **Restore exchanges a table at once.** With one table there is no window. With several there is one between the first
  table and the last, in which the new rules of one table meet the old ones of another: it is milliseconds, and what it does
  depends on the rules.
- **A script that flushes first is open, or shut, until its last rule is there**: open with policy ACCEPT, and with policy
  DROP everybody is cut off, also who is connected. It takes as long as its commands: some milliseconds for each.
- **`nft -f` is one transaction**, however many tables it makes. A packet that is between two chains at that moment meets
  the old rules in one and the new rules in the other: a few of hundreds of thousands, so a mark of one chain is no proof in
  another.
- **Single commands of nft** are a script that flushes first, and slower.
- **End each chain with a rule.** What is denied by the policy of a chain alone (`:FORWARD DROP`) may get through while
  `iptables-nft-restore` loads: of 100 loads each, measured apart from the table, 14 of 89,492 packets did, and none of 97,864
  where the chain ends with an explicit `-j DROP`. With `iptables-legacy-restore` none did in either.
  A [rehearsal](rehearse.md) tells.
"""
