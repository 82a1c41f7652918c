"""The live view of a lab that is up: every packet at every node that may decide, whoever sends it, told as it comes to an end.

A packet's way through a node is told message by message, and what ends it is told too.  Where that does not come, a fence is
sent on every processor: what was under way on one is over once its fence has passed, and a packet of which no end was told by
then is lost (no route, a full neighbour table, a header that the kernel takes for wrong).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from lab.errors import LabError, MeasurementError
from lab.keep.eyes import Eye
from lab.keep.turns import Bell
from lab.kernel.ground.closing import side_by_side
from lab.kernel.ground.syscalls import Ready
from lab.kernel.hold.held import Held
from lab.kernel.hold.held_now import held_now
from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.watch.paths import Passage
from lab.kernel.watch.rule_changes import RuleChanges
from lab.kernel.watch.tracer import Overrun
from lab.record.told import Missed, News, RulesChanged, Told
from lab.ruleset.backend import Backend
from lab.site import Site
from lab.verdict.deciding import deciding_rule

Wanted = Callable[[str, Held | None], bool]


class Live:
    """Looks at ``site`` while inside; `news` is what it sees.

    ``bell`` tells that somebody wants to ask: then it steps aside, and tells nothing until that one is done.  ``loaded`` gives
    what a node held when rules were last loaded into it, so that rules have their lines; by default what ``site`` knows.
    ``wanted`` says of a node, and what it holds, whether it is looked at; by default those that have rules, forward or bridge.
    With one of ``ends``, which are descriptors, readable, there is no more news.

    Raises MeasurementError when the instrument cannot be armed.
    """

    def __init__(
        self,
        site: Site,
        bell: Bell | None = None,
        *,
        loaded: Callable[[str], Held | None] | None = None,
        wanted: Wanted | None = None,
        ends: Collection[int] = (),
    ) -> None:
        self._site, self._bell, self._ends = site, bell, frozenset(ends)
        self._loaded = loaded or site.held.policies.get
        self._wanted = wanted or self._decides
        self._eyes: dict[str, Eye] = {}
        self._held: dict[str, Held | None] = {name: site.held.policies.get(name) for name in site.network.nodes}
        self._look = ExitStack()
        self._undo = ExitStack()

    def _decides(self, name: str, held: Held | None) -> bool:
        return held is not None or self._site.topology.nodes[name].passes_on

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self._look.close)
            undo.callback(self._close_eyes)
            self._heard = None if self._bell is None else self._bell.heard()
            if self._heard is not None:
                undo.callback(self._heard.close)
            self._changes: dict[str, RuleChanges] = {}
            for name, node in self._site.network.nodes.items():
                self._changes[name] = RuleChanges(node.namespace)
                undo.callback(self._changes[name].close)
            self._begin()
            for name in self._site.network.nodes:
                self._suit(name)
            self._undo = undo.pop_all()
        return self

    def _begin(self) -> None:
        """Look; where one alone can look at a time, whoever does steps aside."""
        if self._bell is None or self._heard is None or self._site.backend is Backend.NFT:
            self._take_turn()
            return
        with self._bell.rung():
            self._look.enter_context(self._site.look())
            self._heard.drain()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def _close_eyes(self) -> None:
        eyes, self._eyes = self._eyes, {}
        side_by_side(*(eye.close for eye in eyes.values()))

    def news(self) -> Iterator[News]:
        """What happens, as it happens; it waits until something does."""
        while True:
            ready = Ready([*self._ends, *self._descriptors()]).within(None)
            yield from self._changed()
            yield from self._seen()
            if ready & self._ends:
                return
            if self._heard is not None and self._heard.descriptor in ready:
                yield from self._step_aside()

    def _descriptors(self) -> Iterator[int]:
        yield from (changes.descriptor for changes in self._changes.values())
        yield from (eye.descriptor for eye in self._eyes.values())
        if self._heard is not None:
            yield self._heard.descriptor

    def _seen(self) -> Iterator[News]:
        """What the nodes tell by now."""
        at = time.time()
        found: list[News] = []
        for eye in self._eyes.values():
            found += self._of(eye, at)
        if any(eye.under_way for eye in self._eyes.values()) and self._pass_fences():
            for eye in self._eyes.values():
                if eye.under_way:
                    found += self._of(eye, at, past_fence=True)
        yield from found

    def _of(self, eye: Eye, at: float, *, past_fence: bool = False) -> Iterator[News]:
        try:
            passages = eye.passages(past_fence=past_fence)
        except Overrun:
            yield Missed(at, eye.node.name, eye.lost())
            return
        for passage in passages:
            yield _told(at, passage)

    def _pass_fences(self) -> bool:
        """Whether what was under way on any processor is over; where the machine is too busy for that, nobody knows yet."""
        allowed = os.sched_getaffinity(0)
        try:
            for processor in sorted(allowed):
                os.sched_setaffinity(0, {processor})
                self._site.network.fence.pass_by(1)
        except MeasurementError:
            return False
        finally:
            os.sched_setaffinity(0, allowed)
        return True

    def _changed(self) -> Iterator[News]:
        """Name what is told from now on by the rules that are in force now; ip_tables does not tell that it has others."""
        for name, changes in self._changes.items():
            if changes.came() or (self._site.backend is Backend.LEGACY and self._held[name] is not None):
                yield from self._read_anew(name)

    def _read_anew(self, name: str) -> Iterator[News]:
        before, trouble = self._held[name], ""
        try:
            self._held[name] = held_now(self._site.network.nodes[name], self._site.backend, self._loaded(name))
        except LabError as error:
            trouble = error.problems[0].what
        now = self._held[name]
        if trouble or (now and now.listing) != (before and before.listing):
            yield RulesChanged(time.time(), name, trouble)
        if name in self._eyes and self._wanted(name, now):
            with self._eyes[name].retold(RuleIndex(name, {}) if now is None else now.index):
                yield from self._seen()
        else:
            self._suit(name)

    def _suit(self, name: str) -> None:
        """Look at a node, or no more, as what it holds now wants it."""
        held, eye = self._held[name], self._eyes.pop(name, None)
        if eye is not None:
            eye.close()
        if self._wanted(name, held):
            site, node = self._site, self._site.network.nodes[name]
            backend = Backend.NFT if held is None else site.backend
            self._eyes[name] = Eye(site.network, node, RuleIndex(name, {}) if held is None else held.index, backend)

    def _step_aside(self) -> Iterator[News]:
        """Let somebody ask, and come back behind him."""
        for eye in self._eyes.values():
            eye.shut()
        yield from self._seen()
        for eye in self._eyes.values():
            eye.pause()
        self._look.close()
        self._take_turn()
        for eye in self._eyes.values():
            eye.open()

    def _take_turn(self) -> None:
        """Look, unless somebody waits to ask: he goes first."""
        while True:
            self._look.enter_context(self._site.look())
            if self._bell is None or self._heard is None:
                return
            if self._bell.is_silent():
                self._heard.drain()
                self._bell.go_on()
                return
            self._look.close()
            self._bell.wait_behind()


def _told(at: float, passage: Passage) -> Told:
    path = passage.path()
    return Told(at, path, deciding_rule(path), passage.entry)
