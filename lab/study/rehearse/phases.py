"""The phases of a window, each played on the lab that stands."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace

from lab.errors import LabError, MeasurementError, Problem
from lab.kernel.ground.syscalls import readable
from lab.kernel.hold.applying import Applying
from lab.kernel.hold.exchange import exchange
from lab.kernel.hold.line_map import NodeLines
from lab.kernel.hold.state import state_of
from lab.probe.session.shell import Console, Ran, Shell
from lab.record.difference import RowOutcome
from lab.record.node_state import Leftover
from lab.record.rehearsal import End, Phase
from lab.record.window import Window
from lab.report.rehearsal import window_words
from lab.ruleset.applying.command import Command
from lab.ruleset.rulesets import Rulesets
from lab.study.guarding.host import SCRIPT, GuardedHost, token_in
from lab.study.rehearse.chosen import held_cells, streamed_cells
from lab.study.rehearse.counted import logged, rule_counts
from lab.study.rehearse.play import Play, flow_words, stopped_by
from lab.study.rehearse.streaming import Mark, streamed
from lab.verdict.restored import in_words, left_over
from lab.written.cell import Cell

_SHOWN = 300
_MOST_LOGGED = 3
_AFTER = r'printf "\035%s\035" "$number"'
_STEP = re.compile(r"\x1d(\d+) (\d+)\x1d")
_STALLED_S = 60.0


def baseline(play: Play) -> None:
    """T-60: what the node holds, and what its matrices say of that."""
    play.line.phase = Phase.BASELINE
    play.state = state_of(play.lab.network.nodes[play.node], play.ready.backend)
    lines = sum(len(part.lines) for part in play.state.parts)
    play.line.note(f"{play.node} holds what {play.ready.names[0]} says: {lines:,} lines of rules, sets, routes, sysctls",
                   "what the tools print")  # fmt: skip
    play.held_before = play.asked.holds(play.ready.before)
    if play.held_before:
        play.line.note(f"{_hold(play.held_before)} before", "trace")
    play.asked.go_on()
    play.rows_before = play.asked.rows(afterwards=False)
    play.asked.go_on()


def preload(play: Play) -> None:
    """T-10: the admin's way in is proven."""
    play.line.phase = Phase.PRELOAD
    verdict = play.admin()
    if verdict is None:
        play.line.note("the change names no flow that it is made by: its admin sits at the console", "the change")
        return
    by = f"{flow_words(verdict)}, by {stopped_by(verdict)}"
    said = "the admin comes in" if verdict.allowed else "the admin cannot come in"
    play.line.note(f"{said}: {by}", "trace", good=verdict.allowed)


def _cells(play: Play) -> tuple[list[Cell], list[Cell]]:
    admin = list(play.ready.admin)
    return (
        [*admin, *streamed_cells(play.ready.cells, play.node)], [*admin, *held_cells(play.ready.cells, play.node)],
    )  # fmt: skip


def apply(play: Play, host: GuardedHost, commands: Sequence[Command], connection: str) -> str | None:
    """T+0: the script applies the change by ``commands``, while packets run; its token, None where the load was refused."""
    play.line.phase = Phase.APPLY
    cells, held = _cells(play)

    def work(mark: Mark) -> Ran:
        with Console(host.node, connection) as shell:
            return _marked(shell, f"NETFILTER_GUARD_AFTER={shlex.quote(_AFTER)} sh {SCRIPT} apply", commands, mark)

    def follow(ran: Ran) -> None:
        if ran.succeeded:
            _note_new(play)
        else:
            _note_old(play)

    ran, play.window = streamed(play.lab, play.node, cells, held, work, follow)
    if not ran.succeeded:
        good = play.ready.window.ends == End.REFUSED
        why = _last_words(ran.output.partition("\n")[2])
        play.line.note(f"the load was refused: {why}", "the script's exit code", good=good)
    _note_packets(play, play.window)
    return token_in(ran) if ran.succeeded else None


def _last_words(output: str) -> str:
    """What a script and its tools said at the end, as many whole lines as can be read; hints how to use a tool are left out."""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    told: list[str] = []
    for line in reversed([line for line in lines if line and not line.startswith("Try `")]):
        if told and sum(map(len, told)) + len(line) > _SHOWN:
            break
        told.insert(0, line[:_SHOWN])
    return "; ".join(told)


def _marked(shell: Shell, line: str, commands: Sequence[Command], mark: Mark) -> Ran:
    """Run the script, and name the moments at which its commands ended; the first is that at which the first one begins."""
    shell.begin(line)
    while (ran := shell.hear()) is None:
        if not readable(shell.descriptor, _STALLED_S):
            raise MeasurementError(Problem(f"the script said nothing for {_STALLED_S:g} s: {shell.heard[-_SHOWN:]}"))
    for number, ns in _STEP.findall(ran.output):
        if int(number) > len(commands):
            raise MeasurementError(Problem(f"the script told the end of command {number} of {len(commands)}"))
        mark("the first command begins" if number == "0" else f"{number}: {commands[int(number) - 1]}", int(ns))
    return replace(ran, output=_STEP.sub("", ran.output))


def boot(play: Play, commands: Sequence[Command]) -> bool:
    """T+0 of a host that starts: its interfaces are up, it knows no connection, and only then its rules are loaded.

    Returns whether the load was taken.
    """
    play.line.phase = Phase.APPLY
    cells, held = _cells(play)
    node = play.lab.network.nodes[play.node]

    def work(mark: Mark) -> LabError | None:
        with Applying(node, commands, play.ready.new, play.ready.backend) as applying:
            mark("interfaces are up, and there are no rules")
            exchange(node, play.ready.old, Rulesets(), play.ready.backend, "")
            play.lab.instrument.nodes[play.node].conntrack.delete_all()
            mark("the rules begin to load")
            try:
                applying.finish()
            except LabError as error:
                return error
            finally:
                since = time.time_ns() - time.monotonic_ns()
                for number, ran in enumerate(applying.ran, 1):
                    mark(f"{number}: {ran.command}", ran.ended + since)
        return None

    def follow(error: LabError | None) -> None:
        _note_new(play, bare=error is not None)

    failed, play.window = streamed(play.lab, play.node, cells, held, work, follow)
    if failed is not None:
        what = f"the load was refused: {failed}; the host stands without rules"
        play.line.note(what, "the tool's exit code", good=False)
    _note_packets(play, play.window)
    return failed is None


def _note_new(play: Play, *, bare: bool = False) -> None:
    new = Rulesets() if bare else play.ready.new
    if not play.lab.take_note(play.node, new, NodeLines({}) if bare or play.lines is None else play.lines):
        play.notes.append(f"{play.node} holds other rules than {play.ready.names[1]} says: what it holds was asked")


def _note_old(play: Play) -> None:
    play.lab.take_note(play.node, play.ready.old, play.lab.site.lines[play.node])


def _note_packets(play: Play, found: Window) -> None:
    if not found.packets:
        play.notes.append("nothing is known of packets meanwhile: the change has no matrix and no row to take them from")
    known = play.ready.window
    good = known.opens or not (found.opened.packets or found.strayed.packets)
    good = good and (known.breaks or not (found.refused.packets or found.broken))
    wrong = found.opened.packets or found.strayed.packets or found.refused.packets or found.broken
    known_words = ", which the change knows of" if good and wrong else ""
    what = f"{found.packets:,} packets in {found.ms:.0f} ms: {window_words(found)}{known_words}"
    play.line.note(what, "capture, counters", good=good)
    for name, total in (("got through first", found.opened), ("was stopped first", found.refused)):
        if total.first is not None:
            first = total.first
            meanwhile = next((label for label, ms in found.moments if ms >= first.ms), "")
            what = f"{name}: {first.flow} ({_row(first.name)}), {first.ms:.1f} ms after T+0{_while(meanwhile)}"
            play.line.note(what, "capture")
    for flow in found.broken:
        reset = "an end that no longer knew it has reset it"
        why = reset if flow.after is None else f"it is stopped by {stopped_by(flow.after)}"
        what = f"broken: the established flow {flow.flow} ({_row(flow.name)}): {why}"
        play.line.note(what, "trace", good=None if known.breaks else False)


def _while(moment: str) -> str:
    """When it was, by the moment that came next: the end of a command, which has a number, or one with a name."""
    if not moment:
        return ""
    return f", sent while command `{moment}` ran" if moment[0].isdigit() else f", sent before {moment}"


def _row(cell_id: str) -> str:
    """A cell's matrix and row, where its flow stands beside it."""
    return cell_id.partition("[")[0]


def judge(play: Play) -> bool:
    """T+5: the matrices and what was intended; whether all of it is as it should be."""
    play.line.phase = Phase.MATRIX
    play.holds = play.asked.holds(play.ready.holds)
    play.asked.go_on()
    play.intended = play.asked.intended(play.rows_before)
    play.asked.go_on()
    if play.holds:
        play.line.note(_hold(play.holds), "trace", good=all(one.passed for one in play.holds))
    for row in play.intended:
        play.line.note(f"intended: {row.name}" + (f": {row.what}" if row.what else " holds now"), "trace", good=row.passed)
    return all(one.passed for one in (*play.holds, *play.intended))


def count(play: Play) -> None:
    """T+15: which rules were met."""
    play.line.phase = Phase.COUNTERS
    play.counters = rule_counts(play.lab, play.node)
    if play.counters:
        first = play.counters[0]
        others = f" (--json has {len(play.counters)} rules)" if play.counters[1:] else ""
        play.line.note(f"met most: {first.rule}, by {first.packets:,} packets{others}", "counters")
    for one in logged(play.lab, play.node)[:_MOST_LOGGED]:
        play.line.note(f"{one.packets:,} packets were logged by {one.rule}", "counters")


def come_in(play: Play) -> bool:
    """T+30: whether the admin comes in by a new connection; where not, by which rule."""
    play.line.phase = Phase.DECISION
    verdict = play.admin()
    if verdict is None or verdict.allowed:
        if verdict is not None:
            play.line.note(f"a new connection comes in: {flow_words(verdict)}", "trace", good=True)
        return True
    play.locked_out = f"you would be locked out from {flow_words(verdict)} by {stopped_by(verdict)}"
    old = next((flow for flow in play.window.flows if flow.name == play.ready.admin[0].id), None) if play.window else None
    session = ""
    if old is not None:
        session = "; your session of before " + ("is cut too" if old.broken else "goes on, and would hide it")
    play.line.note(f"{play.locked_out}{session}", "trace", good=play.ready.window.ends == End.LOCKED_OUT)
    return False


def rolled_back(play: Play, how: str) -> None:
    """What the node is after the rules of before were put back."""
    play.line.phase = Phase.AFTERWARDS
    _note_old(play)
    assert play.state is not None
    play.left = left_over(play.state, state_of(play.lab.network.nodes[play.node], play.ready.backend))
    good = all(one.carried for one in play.left)
    play.line.note(f"{how}: {in_words(play.left)}", "what the tools print", good=good)
    again = play.asked.holds(play.ready.before)
    play.asked.go_on()
    same = again == play.held_before
    if again:
        play.line.note(f"{_hold(again)}" + (", as before" if same else ": other than before"), "trace", good=same)
        old = set(play.held_before)
        play.left += tuple(Leftover("cells", f"{one.name}: {one.what or 'it holds now'}") for one in again if one not in old)


def _hold(outcomes: Sequence[RowOutcome]) -> str:
    held = sum(one.passed for one in outcomes)
    failed = next((f"; {one.name}: {one.what}" for one in outcomes if not one.passed), "")
    return f"{held:,} of {len(outcomes):,} cells of the matrices hold{failed}"
