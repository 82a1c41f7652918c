"""A change window rehearsed from the baseline to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.errors import InputError, interrupted_code
from lab.kernel.hold.line_map import NodeLines, find_lines
from lab.lab import Lab
from lab.probe.session.shell import Console
from lab.record.rehearsal import End, Event, Phase, Rehearsal, Trial
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.ways import BARE, commands
from lab.study.guarding.host import GuardedHost
from lab.study.guarding.prepared import guarded
from lab.study.guarding.trials import Guarded, trials
from lab.study.rehearse import phases
from lab.study.rehearse.asked import Asked
from lab.study.rehearse.play import Kept, Play
from lab.study.rehearse.prepared import Prepared
from lab.study.rehearse.timeline import Timeline

_TRIED = (End.CONFIRMED, End.ROLLED_BACK)
"""How a window ends whose rules can be applied, and let the admin in: then the rollback is tried in every way."""
_COMPRESSED = "the time between the phases is left out, and the timer's {seconds} s are over when the lab says so"


def rehearse(
    ready: Prepared, *, heard: Callable[[Event], None] | None = None, kept: Kept | None = None, tries: bool = True,
    allow_commands: bool = False,
) -> Rehearsal:  # fmt: skip
    """Play the window on a lab of its own, and say how it ended.

    ``heard`` is told each event, ``kept`` is given what remains; with ``tries`` the rollback is tried in every way besides.
    A signal ends it, and what came of it by then is told.  Raises InputError for what may not be rehearsed, and what building
    a lab raises.
    """
    how = ready.window.apply
    guard = None if how.how == BARE else guarded(ready.change, ready.sides, ready.backend, allow_commands=allow_commands)
    made = commands(how, ready.old, ready.new, ready.backend) if guard is None else guard.commands
    line, play, done = Timeline(heard), None, list[Trial]()
    try:
        with Lab(ready.sides.old.topology, ready.policies, backend=ready.backend) as lab:
            lines, refused = _lines(ready)
            play = Play(lab, ready, line, Asked(lab, ready), lines, kept, notes=refused)
            phases.baseline(play)
            play.keep("before")
            phases.preload(play)
            if guard is None:
                _booted(play, made)
            else:
                _guarded(play, guard)
            play.keep("at the end")
        if kept is not None:
            kept.look_closely(ready.change.change, play.asked.ended.results[len(play.held_before):])
        if tries and guard is not None and play.end in _TRIED:
            line.phase = Phase.AFTERWARDS
            done.extend(trials(guard))
    except KeyboardInterrupt as signal:
        if play is None:
            raise
        play.end = End.INTERRUPTED
        play.asked.ended.codes.append(interrupted_code(signal))
    if done:
        failed = [one for one in done if not one.passed]
        what = f"the rollback was tried in {len(done)} ways: it holds in {len(done) - len(failed)}"
        line.note(what, "a lab that stays up", good=not failed)
    return _rehearsal(play, tuple(done))


def _lines(ready: Prepared) -> tuple[NodeLines | None, list[str]]:
    """Where the new rules stand; None where the kernel refuses them, which the window is to show, and which line it is."""
    try:
        return find_lines(ready.sides.new.topology, {ready.node: ready.new}, ready.backend)[ready.node], []
    except InputError as error:
        return None, [" ".join(str(error).split())]


def _guarded(play: Play, guard: Guarded) -> None:
    """By the script: confirmed by a new connection, or rolled back by the timer."""
    ready, seconds, made = play.ready, guard.seconds, guard.commands
    host = GuardedHost(play.lab, play.node, guard.change, guard.script, None)
    if play.kept is not None:
        play.kept.script(guard.change, guard.script)
    play.notes.append(_COMPRESSED.format(seconds=seconds))
    token = phases.apply(play, host, made, _connection(play, 1))
    if token is None and host.kept("phase") == "armed":
        play.line.note("the script was ended before it had put anything back: its timer waits", "the script", good=False)
        play.end = End.ROLLED_BACK
        _time_is_up(play, host, seconds)
        return
    if token is None:
        play.end = End.REFUSED
        phases.rolled_back(play, "the script put the rules of before back")
        return
    good = phases.judge(play)
    phases.count(play)
    if not phases.come_in(play):
        play.end = End.LOCKED_OUT
    elif ready.window.ends == End.ROLLED_BACK or not good:
        failed = "announced: roll back, as not all holds that should; nobody confirms it"
        why = "nobody confirms it, as the change says" if good else failed
        play.line.note(why, "the change" if good else "trace", good=good)
        play.end = End.ROLLED_BACK
    else:
        with Console(host.node, _connection(play, 2)) as shell:
            ran = shell.run(f"sh {host.copy} confirm {'' if ready.admin else '--console '}{token}")
        if ran.succeeded:
            play.end = End.CONFIRMED
            by = "by a new connection" if ready.admin else "at the console"
            play.line.note(f"confirmed {by} with the token; stable", "the script", good=True)
            return
        play.line.note(f"not confirmed: {' '.join(ran.output.split())}", "the script", good=False)
        play.end = End.ROLLED_BACK
    _time_is_up(play, host, seconds)


def _time_is_up(play: Play, host: GuardedHost, seconds: int) -> None:
    """The timer does what it is there for, if the change has left it alive."""
    if host.timer() is None:
        play.line.note("the timer is gone: nothing comes back by itself", "the kernel of the node", good=False)
        phases.rolled_back(play, "nobody put the rules of before back")
        return
    host.ring()
    phases.rolled_back(play, f"the timer of {seconds} s put the rules of before back")


def _connection(play: Play, number: int) -> str:
    """What the admin's shell came by, as SSH_CONNECTION has it: what the lab has proven, by another port each time."""
    for cell in play.ready.admin:
        port = cell.service.ports[0][0] if cell.service.ports else 22
        return f"{cell.sender.address} {50_000 + number} {cell.target.address} {port}"
    return ""


def _booted(play: Play, made: Sequence[Command]) -> None:
    """Without a script: what starts has nobody at its console."""
    if not phases.boot(play, made):
        play.end = End.REFUSED
        return
    phases.judge(play)
    phases.count(play)
    play.end = End.CONFIRMED if phases.come_in(play) else End.LOCKED_OUT
    if play.end is End.LOCKED_OUT:
        play.notes.append("nothing comes back by itself on a host that has started so")


def _rehearsal(play: Play, done: tuple[Trial, ...]) -> Rehearsal:
    ready = play.ready
    how = ready.window.apply
    return Rehearsal(
        change=ready.change.change, node=play.node, topology=ready.sides.new.topology.topology, names=ready.names,
        backend=str(ready.backend), way=" ".join(how.run) if how.run else how.how,
        timer_s=None if how.how == BARE else ready.window.rollback_after,
        end=play.end, ends=End(ready.window.ends), opens=ready.window.opens, breaks=ready.window.breaks,
        locked_out=play.locked_out,
        events=play.line.events, window=play.window, intended=play.intended, holds=play.holds, counters=play.counters,
        left=play.left, trials=done, notes=tuple(dict.fromkeys(play.notes)), problems=tuple(play.asked.ended.problems),
        codes=tuple(play.asked.ended.codes), seconds=play.line.seconds,
    )  # fmt: skip
