"""What a row says of a burst, as it is meant in one family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.errors import Where
from lab.written.burst import MOST_SENT, BurstSpec
from lab.written.cell import Burst, Cell, Sender
from lab.written.expected import Expectations
from lab.written.problems import Problems
from lab.written.selection import Selector


def burst_of(
    spec: BurstSpec | None, index: int, family: int, judged: Sequence[int], *, expectations: Expectations,
    select: Selector, problems: Problems, where: Callable[..., Where],
) -> Burst | None:  # fmt: skip
    """The burst of row number ``index``, from its further sources; None where it has none, or a word is wrong."""
    if spec is None:
        return None
    path = ("flows", index, "burst")
    others: Sequence[Sender] = ()
    if spec.sources is not None:
        found = select.senders(spec.sources, *path, "from")
        if found is None:
            return None
        others = found.found[family]
        if not others:
            what = f"none of {', '.join(found.words)} sends over IPv{family}, and the row has IPv{family} cells"
            problems.tell(what, where(*path, "from"), f"name one that does, or say `family: {10 - family}` in the row")
    sent = spec.send * (1 + len(others))
    if sent > MOST_SENT:
        what = f"{sent:,} packets of one burst are too many"
        problems.tell(what, where(*path), f"at most {MOST_SENT:,} of all sources together")
    rest = expectations.rest_of_burst(index, spec, family, judged)
    if rest is None:
        return None
    least, most = spec.passing.least, spec.passing.most
    return Burst(spec.send, least, most, rest, tuple(others), spec.together, spec.open)


def with_burst(cell: Cell, burst: Burst | None) -> Cell:
    """The cell with a burst, of which its own sender is the first source."""
    if burst is None:
        return cell
    others = (sender for sender in burst.senders if sender.address != cell.sender.address)
    return replace(cell, burst=replace(burst, senders=(cell.sender, *others)))
