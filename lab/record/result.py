"""What a cell's verdict means against its expectation, and what a run adds up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lab.errors import Problem
from lab.record.hint import Hint
from lab.record.logs import LogMessage
from lab.record.packet import Packet
from lab.record.provenance import Loaded, Provenance
from lab.record.verdict import Verdict
from lab.record.way import BY_NFT, Way


class Outcome(StrEnum):
    """The classes of a cell; with ``passed`` they add up to the number of cells."""

    PASSED = "passed"
    FAIL_OPEN = "fail-open"
    FAIL_CLOSED = "fail-closed"
    MISMATCH = "mismatch"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PortGroup:
    """The ports of a range cell that share one verdict: ``ports`` as a person writes them, ``1-442,444-65535``."""

    ports: str
    count: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of a flow of several packets: ``words`` tell it as the row says it, ``where`` is its file and line.

    ``verdict`` is None of a step that sends nothing, ``expected`` then empty; ``seconds`` is how long it took.  One that could
    not be done is an error, and ``differences`` say why.
    """

    number: int
    words: str
    where: str
    outcome: Outcome
    seconds: float
    session: str = ""
    expected: str = ""
    verdict: Verdict | None = None
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BurstGroup:
    """Packets of a burst that fared alike: ``numbers`` from 1 as a person writes them (``1-5``), ``passed`` or not.

    ``expected`` is what is expected of such packets; ``verdict`` is that of the first of them, ``outcome`` and ``differences``
    are what it comes to.
    """

    numbers: str
    count: int
    passed: bool
    expected: str
    outcome: Outcome
    verdict: Verdict
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BurstResult:
    """The packets of a burst from one source to one port: how many were ``sent``, and ``passed``, in so many ``seconds``.

    ``least`` to ``most`` were to pass.  ``sender`` is as the matrix writes it, ``port`` None where the protocol has none;
    ``after`` are the seconds that were waited before, where it is the same once more.  ``refilled`` is how many more than in no
    time the limits bore in that time at most, ``limit`` which these are, in words; 0 and empty where they bore no more.
    """

    sender: str
    source: str
    port: int | None
    sent: int
    passed: int
    seconds: float
    least: int
    most: int
    groups: tuple[BurstGroup, ...]
    after: float = 0.0
    refilled: int = 0
    limit: str = ""

    def __str__(self) -> str:
        """``1-5 allowed by gateway filter:FORWARD:2 (ssh), 6-20 dropped by gateway filter:FORWARD:3 (too-fast)``."""
        return ", ".join(f"{group.numbers} {group.verdict}" for group in self.groups)

    @property
    def fates(self) -> str:
        """``1-5 allowed, 6-20 dropped``."""
        return ", ".join(f"{group.numbers} {group.verdict.kind}" for group in self.groups)


def told_apart(bursts: tuple[BurstResult, ...], one: BurstResult) -> str:
    """Which of several it is: ``from 198.51.100.20 to port 22: ``; empty where there is one."""
    source = f"from {one.source}" if len({other.source for other in bursts}) > 1 else ""
    port = f"to port {one.port}" if one.port is not None and len({other.port for other in bursts}) > 1 else ""
    after = f"after {one.after:g} s" if one.after else ""
    told = " ".join(filter(None, (source, port, after)))
    return f"{told}: " if told else ""


@dataclass(frozen=True, slots=True)
class CellResult:
    """One cell: what was expected, what happened, whether that is right, and each difference in words.

    ``row``, ``sender``, ``target`` and ``service`` are as the matrix writes them (for tables); ``where`` is the row's file and
    line, ``at`` the node under test.  ``groups`` is not empty when a range's ports differ; ``verdict`` is then that of the
    first group that fails.
    ``differences`` are sentences; ``hints`` say why it is so, and what would mend it; ``warnings`` do not fail the cell
    unless strict, ``notes`` tell what else the reader must know and never fail it.
    ``known`` is true when a ``known:`` entry excuses the failure that was seen: the cell then counts as passed.
    ``kernel_source`` is the address that the sender's own kernel would have sent from, where the sender has several and the
    row names none; None elsewhere.  ``way`` is in which way it was run, where the same cell can be run in several.
    ``steps`` are those of a flow of several packets, up to the first that is wrong, whose ``verdict`` it then has;
    ``steps_left`` is how many were not done after it, and ``first`` the headers of the row's own first packet.
    ``bursts`` are those of a burst, one for each source and port; ``verdict`` is then that of the first packet that is wrong.
    ``logged`` is what was logged of it at any of its ports, where that was asked for.
    """

    id: str
    matrix: str
    row: str
    sender: str
    target: str
    service: str
    family: int
    where: str
    at: str
    expected: str
    outcome: Outcome
    verdict: Verdict
    differences: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    groups: tuple[PortGroup, ...] = ()
    suspect: bool = False
    known: bool = False
    ports: int = 1
    probe_us: float = 0.0
    kernel_source: str | None = None
    way: Way = BY_NFT
    steps: tuple[StepResult, ...] = ()
    bursts: tuple[BurstResult, ...] = ()
    steps_left: int = 0
    first: Packet | None = None
    logged: tuple[LogMessage, ...] = ()

    @property
    def sent(self) -> Packet:
        """The headers that the row's flow was sent with; the verdict may be that of an answer, or of another flow."""
        return self.first or self.verdict.observation.asked

    @property
    def source(self) -> str:
        """The address that it was sent from."""
        return self.sent.source

    @property
    def bound(self) -> bool:
        """Whether only a socket that is bound to the source sends from it: the kernel would have chosen another."""
        return self.kernel_source not in (None, self.source)


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a run; ``cells`` = ``passed`` + the four classes of failure, checked when it is made."""

    cells: int
    passed: int
    fail_open: int
    fail_closed: int
    mismatch: int
    errors: int
    suspect: int
    seconds: float
    repeats: int = 0

    def __post_init__(self) -> None:
        total = self.passed + self.fail_open + self.fail_closed + self.mismatch + self.errors
        if total != self.cells:
            raise ValueError(f"{self.cells} cells, but the classes add up to {total}")


@dataclass(frozen=True, slots=True)
class Contrast:
    """A flow that two ways of running it judge differently: its id, and each way's verdict in words."""

    flow: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same flows in two ways, which ``left`` and ``right`` name (IPv4 and IPv6, nft and legacy, two policies).

    ``flows`` is how many were run in both ways, ``contrasts`` are those of them that differ.  ``must_agree`` is true of two
    ways that hold the same text, so that each contrast is a failure of the run.
    """

    left: str
    right: str
    flows: int
    contrasts: tuple[Contrast, ...]
    must_agree: bool = False


@dataclass(frozen=True, slots=True)
class RunProblem:
    """What stopped a matrix; the whole run where ``matrix`` is empty."""

    problem: Problem
    matrix: str = ""

    def __str__(self) -> str:
        return f"{self.matrix}: {self.problem}" if self.matrix else str(self.problem)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """One plan, run: a value that shares nothing with another plan's, and that another process can send.

    ``name`` is the matrix's, with the mark of its way; ``results`` are in the order of the plan's cells, whatever order they
    were measured in.  ``loaded`` is what its lab had loaded, None where none could be built.  ``problems`` stopped it,
    ``codes`` are the exit codes of these, ``lacks`` that each is something that this machine lacks; ``interrupted`` is the code
    of the signal that ended it, None where none did.
    """

    name: str
    results: tuple[CellResult, ...] = ()
    loaded: Loaded | None = None
    problems: tuple[RunProblem, ...] = ()
    codes: frozenset[int] = frozenset()
    lacks: bool = False
    notes: tuple[str, ...] = ()
    repeats: int = 0
    interrupted: int | None = None

    @property
    def failed(self) -> bool:
        """Whether anything is not as expected."""
        return bool(self.codes) or any(result.outcome is not Outcome.PASSED for result in self.results)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run: its cells in the order of the matrix files, its numbers, and the machine it was measured on.

    ``provenance`` is None of a run that came to nothing.  ``problems`` are failures of input, instrument or machine that
    stopped a matrix or the run, ``notes`` what else the reader must know (sentences).  ``comparisons`` set ways that the same
    flows were run in beside each other.  ``interrupted`` is true after Ctrl-C, SIGTERM and SIGHUP.
    """

    results: tuple[CellResult, ...]
    summary: Summary
    exit_code: int
    provenance: Provenance | None = None
    problems: tuple[RunProblem, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    comparisons: tuple[Comparison, ...] = ()

    @property
    def machine(self) -> Mapping[str, object]:
        """The provenance as reports write it: kernel, iptables version and backend, ruleset hashes, sysctl baseline."""
        return {} if self.provenance is None else self.provenance.plain()

    @property
    def stops(self) -> tuple[RunProblem, ...]:
        """The problems; of a run that only a signal stopped, that it did: its finished cells are not the whole of it."""
        if self.interrupted and not self.problems:
            return (RunProblem(Problem("interrupted: what is told is of the cells that were finished")),)
        return self.problems


def no_result(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> RunResult:
    """A run that came to no cell, and why."""
    summary = Summary(cells=0, passed=0, fail_open=0, fail_closed=0, mismatch=0, errors=0, suspect=0, seconds=0.0)
    return RunResult((), summary, exit_code, problems=tuple(map(RunProblem, problems)), interrupted=interrupted)
