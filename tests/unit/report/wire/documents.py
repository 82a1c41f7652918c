"""A document of each kind that the lab writes, of made records."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lab.errors import Problem, Where
from lab.record.difference import DiffReports
from lab.record.exposure import Change, Exposure, ExposureReport, Pair
from lab.record.rehearsal import Rehearsals
from lab.record.result import Comparison, Contrast, Outcome, RunProblem, no_result
from lab.record.service_matrix import By, Example, Group, Reached, ServiceMatrix, ServiceMatrixReport, State, Way
from lab.record.sweep import Arrived, AskedSweep, Gear, Sweep, SweepGroup, SweepReport
from lab.record.tracked import ConntrackReport, Counted, HeldFlow, Table, Tracked
from lab.record.verdict import Kind
from lab.report.exposure import exposure_json
from lab.report.run_json import to_json
from lab.report.wire import audit, bench, conntrack, diff, exposure, rehearsal, run, service_matrix, sweep
from lab.report.wire.writing import written
from tests.unit import rehearsed
from tests.unit.report import auditing, differing, make
from tests.unit.verdict.made import rule, verdict

STOPPED = Problem("a problem", Where("matrices/web.yaml", 11, 3), "mend it")


def run_json() -> dict[str, Any]:
    cells = [
        make.cell(kernel_source="192.0.2.9"), make.fail_open(suspect=True, warnings=("overdue",)), make.fail_closed(),
        make.split_range(), make.cell(Outcome.ERROR, make.lost(), family=6),
    ]  # fmt: skip
    compared = (Comparison("IPv4", "IPv6", 7, (Contrast("a flow", "allowed", "dropped"),)),)
    return to_json(make.run(cells, problems=(RunProblem(STOPPED, "web-edge"),), notes=("a note",), comparisons=compared))


def sweeps() -> dict[str, Any]:
    open_ = SweepGroup(((443, 443),), verdict(Kind.CLOSED, rule=rule("web")), Arrived("server", "10.0.2.10", 8443))
    gone = Arrived(None, "10.0.2.88", missing="10.0.2.88")
    nowhere = SweepGroup(((22, 80), (90, 95)), verdict(Kind.UNROUTED), gone, "limited")
    of_sources = Sweep((SweepGroup(((0, 1),), verdict(Kind.DROPPED)),), Gear.VERDICT, sources=("10.0.0.0", "10.0.0.9"))
    measured = Sweep((open_, nowhere), Gear.RULE, 0.5, repeats=2, notes=("a note",)), of_sources
    asked = tuple(AskedSweep("a > b tcp/1-99", "nft", one) for one in measured)
    return written(sweep.Sweeps, SweepReport(asked, 143, (STOPPED,), interrupted=True))


def exposures(**changes: Any) -> dict[str, Any]:
    pair = Pair("left", "client", "10.0.1.10", "right", "server", "10.0.2.10", 4)
    ours = Exposure(
        pair, "tcp", ((443, 443), (8000, 8010)), Kind.ALLOWED, Arrived("server", port=8443), rule("publish"), "net-sec",
        "CHG-1", datetime.date(2030, 1, 31), ("made: web",), ((8000, 8010),), "limited",
    )  # fmt: skip
    theirs = Exposure(pair._replace(family=6), "udp", ((53, 53),), Kind.CLOSED, None, None)
    added = (Change("client", "server", "10.0.2.10", 4, "tcp", ((8000, 8010),)),)
    values: dict[str, Any] = {"lost": ("x > y",), "unsettled": ("u",), "added": added, "gone": (), "notes": ("n",), **changes}
    return exposure_json(ExposureReport("made", (ours, theirs), 2, 1, 1.5, **values))


def tracked() -> dict[str, Any]:
    counted = (Counted("tcp ESTABLISHED", 2),)
    entry = Tracked("ESTABLISHED", ("ASSURED",), make.SYN, make.ANSWER, 30, 5, 7, 7, "ftp", ("3",))
    shown = entry, entry._replace(timeout_s=None, helper=None)
    table = Table("gateway", shown, 2, 1, counted, counted, counted, counted, counted, 1, 1)
    flows = HeldFlow("a > b tcp/1", verdict(), tracked=True), HeldFlow("a > b tcp/2", verdict(Kind.DROPPED), tracked=False)
    report = ConntrackReport(table, "nft", flows, ("a guess",), ("a note",), 143, (STOPPED,), interrupted=True)
    return written(conntrack.Conntrack, report)


def differences() -> dict[str, Any]:
    review = replace(differing.opens().new, review=datetime.date(2030, 1, 31))
    found = differing.opens(new=review, intended="web from wan"), differing.closes(rests_on=("-m recent",)), differing.logs()
    of = differing.many(2)
    return written(diff.Diffs, DiffReports((replace(of, differences=found, problems=(STOPPED,)),), problems=(STOPPED,)))


def service_matrices() -> dict[str, Any]:
    groups = (
        Group("A", ("10.0.0.0/8", "192.0.2.7-192.0.2.9"), 16_777_219, ("left",), 2),
        Group("B", ("10.0.2.1",), 1, ("gw",), 1, own="gw"),
    )  # fmt: skip
    ways = (
        Way("A", "B", State.REACHES, (By(rule("publish"), 2, ("10.0.2.9",)), By(None, 1)), within=True, only_from=("left",)),
        Way("B", "A", State.LET_THROUGH, example=Example("gw", "10.0.2.1", "10.0.0.1")),
    )  # fmt: skip
    changed = Reached("tcp/22", 4, ("10.0.0.0/8",), ("192.0.2.7",), State.REACHES, State.DENIED, rule("publish"))
    report = ServiceMatrixReport(
        "made", (ServiceMatrix(("tcp/22", "tcp/80"), 4, groups, ways, (2, 3), 6),), 1.5, every_class=True, lost=("x",),
        unsettled=("u",), not_asked=("y",), given=2, notes=("n",), added=(changed,), gone=(), exit_code=1,
    )  # fmt: skip
    return written(service_matrix.ServiceMatrices, report)


def rehearsals() -> dict[str, Any]:
    done = rehearsed.rehearsal(), rehearsed.wrong(problems=(STOPPED,), timer_s=None), rehearsed.rehearsal(window=None)
    return written(rehearsal.Rehearsals, Rehearsals(done, 143, (STOPPED,), interrupted=True))


def benched() -> dict[str, Any]:
    grown = bench.Growth(rules=(bench.Rules(rules=10, linear_us=70.5),), nodes=())
    return written(bench.Bench, bench.Bench(version=1, deny_us=68.5, growth=grown, peers=bench.Peers(nc_deny_us=1e6)))


DOCUMENTS: dict[str, tuple[type, dict[str, Any]]] = {
    "run": (run.Run, run_json()),
    "run that did not finish": (run.Run, to_json(no_result((STOPPED,), 3, interrupted=True))),
    "sweeps": (sweep.Sweeps, sweeps()),
    "sweeps that did not begin": (sweep.Sweeps, written(sweep.Sweeps, SweepReport((), 2, (STOPPED,)))),
    "exposures": (exposure.Exposures, exposures()),
    "exposures alone": (exposure.Exposures, exposures(added=None, gone=None, problems=(STOPPED,), exit_code=2)),
    "differences": (diff.Diffs, differences()),
    "no difference": (diff.Diffs, written(diff.Diffs, DiffReports((differing.report(),), ("gateway on edge",)))),
    "audit": (audit.Audit, written(audit.Audit, auditing.many(2))),
    "audit that did not begin": (audit.Audit, written(audit.Audit, auditing.report(exposure=None, problems=(STOPPED,)))),
    "service matrices": (service_matrix.ServiceMatrices, service_matrices()),
    "rehearsals": (rehearsal.Rehearsals, rehearsals()),
    "rehearsals that did not begin": (rehearsal.Rehearsals, written(rehearsal.Rehearsals, Rehearsals((), 2, (STOPPED,)))),
    "bench": (bench.Bench, benched()),
    "conntrack": (conntrack.Conntrack, tracked()),
    "conntrack that did not begin": (conntrack.Conntrack, written(conntrack.Conntrack, ConntrackReport(Table("")))),
}


def undescribed(value: object, schema: dict[str, Any], definitions: dict[str, Any], at: str) -> Iterator[str]:
    """Yield the place of each key that the schema does not name."""
    schema = definitions[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    if "anyOf" in schema:
        yield from undescribed(value, schema["anyOf"][0], definitions, at) if value is not None else ()
    elif isinstance(value, list):
        for item in value:
            yield from undescribed(item, schema["items"], definitions, f"{at}[]")
    elif isinstance(value, dict) and "properties" in schema:
        known = schema["properties"] | {
            key: of for one in schema.get("oneOf", ()) for key, of in one["properties"].items() if key in value
        }
        for key, item in value.items():
            yield from undescribed(item, known[key], definitions, f"{at}.{key}") if key in known else [f"{at}.{key}"]
