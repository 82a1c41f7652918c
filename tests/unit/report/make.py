"""Records to print: a gateway with a DNAT, seen from the internet."""

from __future__ import annotations

from collections.abc import Iterable

from lab.errors import Problem
from lab.record.hint import Hint
from lab.record.observation import Arrival, Conntrack, Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.provenance import Loaded, Machine, Provenance
from lab.record.result import CellResult, Outcome, PortGroup, RunProblem, RunResult, Summary
from lab.record.verdict import Kind, Verdict

SYN = Packet(family=4, proto=6, source="192.0.2.7", sport=40000, destination="198.51.100.1", dport=443, flags=2)
TRANSLATED = SYN._replace(destination="10.0.2.10", dport=8443)
ANSWER = Packet(family=4, proto=6, source="10.0.2.10", sport=8443, destination="192.0.2.7", dport=40000, flags=18)

DNAT = Rule(
    "gateway", "nat", "PREROUTING", 2, "-A PREROUTING -d 198.51.100.1/32 -p tcp -m tcp --dport 443 -j DNAT",
    comment="dnat-web", target="DNAT", source="policies/edge.rules.j2:31", translates="destination",
)  # fmt: skip
JUMP = Rule(
    "gateway", "filter", "FORWARD", 3, "-A FORWARD -j from-wan", target="from-wan", source="policies/edge.rules.j2:44"
)  # fmt: skip
PUBLISH = Rule(
    "gateway", "filter", "from-wan", 1,
    "-A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT",
    comment="publish-web", target="ACCEPT", source="policies/edge.rules.j2:52",
)  # fmt: skip
POLICY = Rule(
    "gateway", "filter", "FORWARD", None, ":FORWARD DROP [0:0]", target="DROP", source="policies/edge.rules.j2:9"
)  # fmt: skip

ALLOWED_PATH = Path(
    "gateway",
    SYN,
    (
        Step("prerouting", "nat", "PREROUTING", DNAT, "accept", "nat"),
        Step("forward", "filter", "FORWARD", JUMP, "jump from-wan"),
        Step("forward", "filter", "from-wan", PUBLISH, "accept"),
    ),
    End.LEFT,
    TRANSLATED,
)
DROPPED_PATH = Path(
    "gateway",
    SYN,
    (
        Step("prerouting", "nat", "PREROUTING", DNAT, "accept", "nat"),
        Step("forward", "filter", "FORWARD", JUMP, "jump from-wan"),
        Step("forward", "filter", "from-wan", None, "return"),
        Step("forward", "filter", "FORWARD", POLICY, "drop"),
    ),
    End.DROPPED,
)
ARRIVAL = Arrival("web", "10.0.2.10", 8443, "192.0.2.7", 40000)
ENTRY = Conntrack("gateway", "ESTABLISHED", ("SEEN_REPLY", "ASSURED", "DST_NAT"), 2, 432000, SYN, ANSWER)


def allowed() -> Verdict:
    """Return an allow by ``publish-web``."""
    observation = Observation(
        SYN, Milestone.ANSWERED, request=(ALLOWED_PATH,), arrived=ARRIVAL, conntrack=(ENTRY,), probe_us=210.04
    )
    return Verdict(
        Kind.ALLOWED, "the nonce arrived and its answer came back", observation, rule=PUBLISH,
        decided=(("gateway", PUBLISH),), passed_node=True,
    )  # fmt: skip


def dropped() -> Verdict:
    """Return a drop by the policy of FORWARD, after a translation."""
    observation = Observation(SYN, Milestone.SENT, request=(DROPPED_PATH,), probe_us=48.0)
    return Verdict(
        Kind.DROPPED, "the SYN's path ends in a drop", observation, packet="SYN", node="gateway", rule=POLICY,
        decided=(("gateway", POLICY),),
    )  # fmt: skip


def lost() -> Verdict:
    """Return a measurement that failed."""
    observation = Observation(SYN, Milestone.SENT, faults=("no exit seen",))
    return Verdict(Kind.LOST, "nothing is proven", observation)


def cell(outcome: Outcome = Outcome.PASSED, verdict: Verdict | None = None, **changes: object) -> CellResult:
    """Return a cell of ``public web``; ``changes`` are fields of CellResult."""
    service = str(changes.pop("service", "tcp/443"))
    matrix = str(changes.pop("matrix", "web-edge"))
    row = str(changes.pop("row", "public web"))
    values: dict[str, object] = {
        "id": f"{matrix}::{row}[world->web-vip {service}]",
        "matrix": matrix,
        "row": row,
        "sender": "world",
        "target": "web-vip",
        "service": service,
        "family": 4,
        "at": "gateway",
        "where": "matrices/web-edge.yaml:14",
        "expected": "allow",
        "outcome": outcome,
        "verdict": verdict or allowed(),
        "probe_us": 210.04,
        **changes,
    }
    return CellResult(**values)  # type: ignore[arg-type]


def fail_open(**changes: object) -> CellResult:
    """Return a cell that should be dropped and is not."""
    values: dict[str, object] = {
        "expected": "drop",
        "differences": ("expected a drop, but the packet left gateway",),
        "hints": (Hint("publish-web accepts it", "take the accept away, or name it in the row"),),
        **changes,
    }
    return cell(Outcome.FAIL_OPEN, **values)  # type: ignore[arg-type]


def fail_closed(**changes: object) -> CellResult:
    """Return a cell that should pass and is dropped."""
    values: dict[str, object] = {
        "verdict": dropped(),
        "differences": ("expected an allow, but the SYN was dropped",),
        "hints": (Hint("translated by nat:PREROUTING:2 (dnat-web), then dropped by filter:FORWARD policy"),),
        **changes,
    }
    return cell(Outcome.FAIL_CLOSED, **values)  # type: ignore[arg-type]


def split_range() -> CellResult:
    """Return a range whose ports differ."""
    groups = (PortGroup("1-442,444-65535", 65534, dropped()), PortGroup("443", 1, allowed()))
    return fail_open(service="tcp/1-65535", ports=65535, groups=groups)


def problems(*texts: str) -> tuple[RunProblem, ...]:
    """Return problems without a place."""
    return tuple(RunProblem(Problem(text)) for text in texts)


def provenance(*, kernel: str = "6.18.0", matrix: str = "web-edge") -> Provenance:
    """Return what a run of one matrix was measured on."""
    machine = Machine(
        "1.2", kernel, "x86_64", "3.13.1", "iptables v1.8.9 (nf_tables)", "nft", None, "ipset v7.17", 2, rootless=False
    )
    loaded = Loaded(
        "nft", {"gateway": "sha256:ab"}, {"gateway": {"v4": "sha256:cd"}}, {"gateway": {"net.ipv4.ip_forward": "1"}}
    )
    return Provenance(machine, {matrix: loaded})


def run(cells: Iterable[CellResult], **changes: object) -> RunResult:
    """Return a run of ``cells``, with its numbers; ``changes`` are fields of RunResult."""
    results = tuple(cells)
    counts = {outcome: sum(result.outcome is outcome for result in results) for outcome in Outcome}
    summary = Summary(
        len(results), counts[Outcome.PASSED], counts[Outcome.FAIL_OPEN], counts[Outcome.FAIL_CLOSED],
        counts[Outcome.MISMATCH], counts[Outcome.ERROR], sum(result.suspect for result in results), 0.8123,
    )  # fmt: skip
    values: dict[str, object] = {
        "exit_code": int(summary.passed != summary.cells),
        "provenance": provenance(),
        **changes,
    }
    return RunResult(results, summary, **values)  # type: ignore[arg-type]
