"""The ways in which a change window may go, each played on the lab with the script as it will be printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from lab.kernel.hold.line_map import find_lines
from lab.kernel.hold.state import state_of
from lab.lab import Lab
from lab.probe.question import Question
from lab.probe.session.shell import How, Ran
from lab.record.node_state import NodeState
from lab.record.rehearsal import Trial
from lab.ruleset.applying.command import Command
from lab.ruleset.backend import Backend
from lab.ruleset.guarding.script import guard_script
from lab.ruleset.rulesets import Rulesets
from lab.study.guarding.host import SCRIPT, AdminPath, Entered, GuardedHost, LockedOut, token_in
from lab.verdict.restored import left_over
from lab.written.topology import Topology

MOST_KILLS = 12
_APPLY = f"sh {SCRIPT} apply"
_SHOWN = 300


@dataclass(frozen=True)
class Guarded:
    """A change of the rules of ``node`` and the commands that make it; ``policies`` are what all nodes hold before.

    ``new`` is what the node is to hold afterwards, None where only the commands know; ``question`` asks for the flow that the
    change is made by, None where the admin sits at the console.
    """

    change: str
    topology: Topology
    policies: Mapping[str, Rulesets]
    node: str
    new: Rulesets | None
    commands: tuple[Command, ...]
    seconds: int
    backend: Backend
    question: Question | None = None

    @property
    def script(self) -> str:
        """The script for the real host."""
        return guard_script(self.change, self.commands, self.seconds)


class _Wrong(Exception):
    """Something was not as it should be."""


def trials(guarded: Guarded) -> Iterator[Trial]:
    """Play all of them, one after the other on one lab that stays up."""
    path = None
    if guarded.question is not None:
        with Lab(guarded.topology, guarded.policies, backend=guarded.backend) as lab:
            verdict = lab.ask(guarded.question, guarded.node)
        came = verdict.arrived
        yield Trial("the admin comes in before the change", verdict.allowed, "" if verdict.allowed else str(verdict))
        if not verdict.allowed or came is None or came.port is None:
            return
        path = AdminPath(guarded.question, came.at, came.port)
    with Lab(_without(guarded.topology, path), guarded.policies, backend=guarded.backend) as lab:
        yield from Trials(lab, guarded, path).all()


def _without(topology: Topology, path: AdminPath | None) -> Topology:
    """The topology with the port free that the shells are had at."""
    if path is None:
        return topology
    spec = topology.nodes[path.target]
    services = tuple(
        service for service in spec.services
        if service.proto != "tcp" or not any(low <= path.port <= high for low, high in service.ports)
    )  # fmt: skip
    nodes = {**topology.nodes, path.target: spec.model_copy(update={"services": services})}
    return topology.model_copy(update={"nodes": nodes})


class Trials:
    """Each begins and ends with the rules of before; one that does not end so is the last."""

    def __init__(self, lab: Lab, guarded: Guarded, path: AdminPath | None) -> None:
        self._guarded = guarded
        self.host = GuardedHost(lab, guarded.node, guarded.change, guarded.script, path)
        self._before = self._state()
        self._lines = find_lines(guarded.topology, {guarded.node: guarded.new or Rulesets()}, guarded.backend)[guarded.node]

    def all(self) -> Iterator[Trial]:
        """Every way, as its trial ends."""
        played: list[tuple[str, Callable[[], str | None]]] = [
            ("it is confirmed by a new connection", self.confirmed),
            ("nobody confirms it", self.unconfirmed),
            ("the connection that applied it breaks", self.broken),
            ("the shell that applied it is killed, and its session", self.killed),
            ("a command fails", self.refused),
            ("it is applied once more", self.again),
            ("two admins at once, and an apply that does not end", self.stalled),
        ]  # fmt: skip
        played += [
            (f"the apply is killed {_after(number, len(self._guarded.commands))}", partial(self.killed_after, number))
            for number in killed_after(len(self._guarded.commands))
        ]
        for name, play in played:
            trial = self._played(name, play)
            yield trial
            if left := self._left():
                what = f"they were not played, as the node is not as before: {left}"
                yield Trial("the other trials", passed=False, what=what)
                return

    def _played(self, name: str, play: Callable[[], str | None]) -> Trial:
        try:
            return Trial(name, passed=True, what=play() or "")
        except LockedOut as locked:
            what = f"the admin cannot come in: {locked.verdict}"
        except _Wrong as error:
            what = str(error)
        self._undo()
        return Trial(name, passed=False, what=what)

    # --- the ways

    def confirmed(self) -> str:
        """Confirmed by a new connection, and by no other; then rolled back by hand, so that the next trial can begin."""
        host = self.host
        with host.entered() as older, host.entered() as entered:
            token = self._applied(entered)
            goes_on = entered.goes_on()
            if goes_on:  # with nothing of its environment left, as behind sudo
                same = entered.shell.run(f"env -i sh {host.copy} confirm {token}")
                _ask(same, refused="proves nothing" if entered.verdict is not None else "came by no connection")
            if entered.verdict is not None and older.goes_on():
                _ask(older.shell.run(f"sh {host.copy} confirm {token}"), refused="was made before the change was applied")
            if not self._note(self._guarded.new):
                raise _Wrong(f"{self._guarded.node} does not hold the new rules afterwards")
            there = self._state()
            own = "goes on" if goes_on else "is cut off"
            try:
                with host.entered() as again:
                    self._confirmed_by(again, token, there)
            except LockedOut as locked:
                came = f"a new connection is {locked.verdict}, and the session that applied it {own}"
                raise _Wrong(f"you would be locked out: {came}") from locked
        self._as_before()
        return "" if goes_on else "the session that applied it is cut off"

    def _confirmed_by(self, again: Entered, token: str, there: NodeState) -> None:
        host = self.host
        _ask(again.shell.run(f"sh {host.copy} confirm 0{token}"), refused="is not its token")
        timer = host.timer()
        _ask(again.shell.run(f"sh {host.copy} confirm {self._console(again)}{token}"), told="is confirmed")
        if timer is None:
            raise _Wrong("its timer was gone before it was confirmed")
        host.wait_for(timer)
        if left := _left(there, self._state()):
            raise _Wrong(f"the rules did not stay: {left}")
        _ask(again.shell.run(f"sh {host.copy} confirm {token}"), refused="it is confirmed already")
        _ask(host.at_console(f"sh {host.copy} rollback"), told="is rolled back")

    def unconfirmed(self) -> None:
        """The timer rolls back; a token comes too late then."""
        with self.host.entered() as entered:
            token = self._applied(entered)
            self.host.ring()
            self._as_before()
        with self.host.entered() as late:
            _ask(late.shell.run(f"sh {self.host.copy} confirm {self._console(late)}{token}"), refused="too late")

    def broken(self) -> None:
        """The shell is hung up (SIGHUP): the timer goes on."""
        with self.host.entered() as entered:
            shell = _number(entered.shell.run("echo $$"))
            self._applied(entered)
            if entered.session is not None:
                entered.session.break_off()
            entered.shell.close()
            self.host.at_console(f"kill -HUP {shell}")  # where the rules keep the other end from hearing of it
            self.host.wait_for(shell)
        self.host.at_console(f"kill -HUP {self.host.timer()}")
        self.host.ring()
        self._as_before()

    def killed(self) -> None:
        """SIGKILL of the shell that armed the timer, of its process group, and of all of its session."""
        with self.host.entered() as entered:
            shell = _number(entered.shell.run("echo $$"))
            self._applied(entered)
            self.host.at_console(_KILL_SESSION.format(shell))
            self.host.wait_for(shell)
            self.host.ring()
            self._as_before()

    def refused(self) -> None:
        """A command fails: the rules of before are back at once, and no timer waits."""
        number = max((at for at, one in enumerate(self._guarded.commands, 1) if not one.may_fail), default=0)
        failing = f"""NETFILTER_GUARD_AFTER='[ "$number" -ne {number} ] || code=9'"""
        ran = self.host.at_console(f"{failing} {_APPLY}")
        _ask(ran, refused=f"is not applied: command {number} of")
        self._as_before()
        timer = self.host.timer()
        if timer is not None:
            self.host.wait_for(timer)
        _ask(self.host.at_console(f"sh {self.host.copy} confirm --console 0"), refused="it was refused")

    def again(self) -> None:
        """The second apply arms a new timer, and goes back to what was there before the first."""
        with self.host.entered() as entered:
            first = self._applied(entered)
            timer = self.host.timer()
            ran = self.host.at_console(_APPLY)
            _ask(ran, told="is applied")
            if token_in(ran) == first:
                raise _Wrong("the second apply has the token of the first")
            if timer is None:
                raise _Wrong("the first timer was gone before the second apply")
            self.host.wait_for(timer)
            _ask(self.host.at_console(f"sh {self.host.copy} confirm --console {first}"), refused="is not its token")
            self.host.ring()
            self._as_before()

    def stalled(self) -> None:
        """An apply that does not end keeps everybody else out, and the timer ends it."""
        with self.host.entered() as entered:
            entered.shell.begin(f"""NETFILTER_GUARD_AFTER='mkfifo /run/stall; echo "$$" >/run/stall; kill -STOP $$' {_APPLY}""")
            self.host.at_console("mkfifo /run/stall 2>/dev/null; cat /run/stall; rm /run/stall")
            _ask(self.host.at_console(_APPLY), refused="somebody else is at work here")
            _ask(self.host.at_console(f"sh {self.host.copy} confirm --console 0"), refused="somebody else is at work here")
            self.host.ring()
            self._as_before()

    def killed_after(self, number: int) -> None:
        """SIGKILL of the apply once so many of its commands have run."""
        killing = f"""NETFILTER_GUARD_AFTER='[ "$number" -ne {number} ] || kill -KILL $$'"""
        ran = self.host.at_console(f"{killing} {_APPLY}")
        if ran.code != _KILLED:
            raise _Wrong(f"the apply was not killed, but ended with {ran.code}: {_short(ran)}")
        _ask(self.host.at_console(f"sh {self.host.copy} confirm --console {self.host.kept('token')}"), refused="to its end")
        self.host.ring()
        self._as_before()

    # --- what they have in common

    def _applied(self, entered: Entered) -> str:
        """Apply it in this session, and return the token; also where the new rules keep the session from telling it."""
        ran = entered.shell.run(_APPLY)
        if ran.how is not How.DONE:
            self.host.wait_until_idle()
            if self.host.kept("phase") != "applied":
                raise _Wrong(f"it is not applied, but {self.host.kept('phase')}: {_short(ran)}")
            return self.host.kept("token")
        _ask(ran, told="is applied")
        return token_in(ran) or ""

    def _console(self, entered: Entered) -> str:
        return "--console " if entered.verdict is None else ""

    def _note(self, rulesets: Rulesets | None) -> bool:
        """Have the lab follow what is there; whether that is ``rulesets``, where these are known."""
        return self.host.lab.take_note(self.host.name, rulesets or Rulesets(), self._lines) or rulesets is None

    def _state(self) -> NodeState:
        policy = self._guarded.policies.get(self._guarded.node, Rulesets())
        texts = {**policy.texts(), **(self._guarded.new.texts() if self._guarded.new is not None else {})}
        return state_of(self.host.node, self._guarded.backend, texts)

    def _left(self) -> str:
        return _left(self._before, self._state())

    def _as_before(self) -> None:
        if left := self._left():
            raise _Wrong(f"the node is not as before: {left}")
        self._note(self._guarded.policies.get(self._guarded.node))

    def _undo(self) -> None:
        """After a trial that failed: the rules of before, as far as the script can, so that the next one can begin."""
        self.host.wait_until_idle()
        self.host.at_console(f"sh {self.host.copy} rollback")


_KILLED = 137
_KILL_SESSION = (
    "for one in /proc/[0-9]*; do set -- $(sed 's/^.*) //' $one/stat); "
    '[ "$4" != {0} ] || kill -KILL ${{one##*/}}; done 2>/dev/null'
)


def _left(before: NodeState, after: NodeState) -> str:
    return "; ".join(one.what for one in left_over(before, after) if not one.carried)[:_SHOWN]


def _ask(ran: Ran, *, refused: str = "", told: str = "") -> None:
    """Hold what a line came to against what it should: refused with these words, or done with those."""
    code, words = (1, refused) if refused else (0, told)
    if ran.how is not How.DONE or ran.code != code or words not in ran.output:
        raise _Wrong(f"the script was to say {refused or told!r}, and {ran.how} with {ran.code}: {_short(ran)}")


def _number(ran: Ran) -> int:
    if not ran.output.strip().isdigit():
        raise _Wrong(f"the session tells nothing: it {ran.how}")
    return int(ran.output)


def _short(ran: Ran) -> str:
    return " ".join(ran.output.split())[-_SHOWN:]


def _after(number: int, of: int) -> str:
    return "before its first command" if number == 0 else f"after command {number} of {of}"


def killed_after(commands: int) -> list[int]:
    """After which commands: every one, or so many, from before the first to the last."""
    if commands <= MOST_KILLS:
        return list(range(commands + 1))
    return sorted({round(at * commands / MOST_KILLS) for at in range(MOST_KILLS + 1)})
