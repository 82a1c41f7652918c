"""What happens in a lab that is up, printed as it happens, until Ctrl-C, or so many packets, or the lab's end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, show_nothing
from lab.errors import InputError, Problem
from lab.keep.entry import Entry, entries, find
from lab.keep.view import live_view
from lab.record.told import News, Told
from lab.report.pace import MOVING_S, Pace
from lab.report.plain import plain
from lab.report.printed import Printed, print_machine_readable
from lab.report.run_json import json_line
from lab.report.told import Offenders, news_line
from lab.report.wire.live import LiveLine
from lab.report.wire.writing import written

_CLEAR = "\x1b[H\x1b[J"


def lab_to_tail(named: Iterable[Path], *, meant: bool) -> str | None:
    """The lab that is up which the one word of ``named`` is the name of; None where matrices are meant.

    A file of that name goes first.  Where an option says that a lab is ``meant``, InputError for one that is not up.
    """
    words = [str(word) for word in named]
    if meant:
        if len(words) != 1:
            raise InputError(Problem("which lab that is up?", mend="lab tail LAB; `lab ls` lists them"))
        return find(words[0]).name
    if len(words) != 1 or Path(words[0]).exists():
        return None
    return next((entry.name for entry in entries() if entry.name == words[0]), None)


def watch_and_print(lab: str, node: str, *, json: bool, count: int | None) -> NoReturn:
    """Print every packet at a node."""
    entry = find(lab)
    entry.require_node(node)
    _follow(entry, node, lambda _told: True, _printer(json=json, node=False), count, f"at {node}")


def tail_lab(lab: str, node: str | None, *, json: bool, top: bool, count: int | None) -> NoReturn:
    """Print what is denied or logged at all nodes, or at one; with ``top`` who is denied most."""
    entry = find(lab)
    if node is not None:
        entry.require_node(node)
    if top and json:
        raise InputError(Problem("--top is for people", mend="--json has each packet: jq counts them"))
    board = _Board() if top else None
    show = board.show if board is not None else _printer(json=json, node=node is None)
    _follow(entry, node, _worth_telling, show, count, "denied or logged", board)


def _worth_telling(told: Told) -> bool:
    return told.denied or bool(told.logged)


def _printer(*, json: bool, node: bool) -> Callable[[News], None]:
    def show(news: News) -> None:
        if not json:
            print(news_line(news, node=node), flush=True)
        elif isinstance(news, Told):
            print_machine_readable(json_line(written(LiveLine, news)))
            sys.stdout.flush()
        else:
            print(news_line(news), file=sys.stderr)

    return show


class _Board:
    """The offenders: kept up to date on a terminal, printed at the end elsewhere."""

    def __init__(self) -> None:
        self._offenders, self._pace = Offenders(), Pace(MOVING_S)
        out = sys.stdout
        self._terminal = out.in_colour() if isinstance(out, Printed) and out.isatty() else None

    def show(self, news: News) -> None:
        """Count one more."""
        if isinstance(news, Told):
            self._offenders.take(news)
        if self._terminal is not None and self._pace.due():
            self._terminal.write(_CLEAR + "\n".join(self._offenders.lines()) + "\n")
            self._terminal.flush()

    def close(self) -> None:
        """Print what it came to."""
        if self._terminal is not None:
            self._terminal.write(_CLEAR)
            self._terminal.flush()
        print("\n".join(self._offenders.lines()), flush=True)


def _follow(
    entry: Entry,
    node: str | None,
    worth: Callable[[Told], bool],
    show: Callable[[News], None],
    count: int | None,
    what: str,
    board: _Board | None = None,
) -> NoReturn:
    began, seen = time.monotonic(), 0
    only = None if node is None else lambda name, _held: name == node
    try:
        with live_view(entry, only) as live:
            print(plain(f"looking at {entry.name}; Ctrl-C ends it"), file=sys.stderr, flush=True)
            for news in _of(live.news(), node):
                if not isinstance(news, Told):
                    show(news)
                elif worth(news):
                    show(news)
                    seen += 1
                    if seen == count:
                        break
    except KeyboardInterrupt:
        pass
    if board is not None:
        board.close()
    finish(0, show_nothing, lambda: _sum_up(seen, what, time.monotonic() - began))


def _of(news: Iterator[News], node: str | None) -> Iterator[News]:
    return (one for one in news if node is None or one.node == node)


def _sum_up(seen: int, what: str, seconds: float) -> None:
    print(f"{seen:,} {'packet' if seen == 1 else 'packets'} {what} in {seconds:.1f} s", file=sys.stderr)
