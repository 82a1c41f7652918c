"""Audits to print."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from lab.record.audit import AuditReport, DeniedProbe, Evidence, Exemption
from lab.record.exposure import Exposure, ExposureReport, Pair
from lab.record.sweep import Arrived
from lab.record.verdict import Kind
from tests.unit.report import make
from tests.unit.report.differing import LOG

DAY = datetime.date(2026, 6, 1)
PAIR = Pair("wan", "world", "192.0.2.7", "wan", "web-vip", "198.51.100.1", 4)
OPEN = Exposure(PAIR, "tcp", ((443, 443),), Kind.ALLOWED, Arrived("web", "10.0.2.10", 8443), make.PUBLISH)
OWNED = replace(OPEN, ports=((80, 80),), rule=replace(make.PUBLISH, number=2), owner="net-sec", ticket="CHG-1")
DUE = Exemption("web-edge: public web", "matrices/web.yaml:14", datetime.date(2026, 1, 31), True, "net-sec", "CHG-7")  # noqa: FBT003
LATER = Exemption(str(make.PUBLISH), make.PUBLISH.source, datetime.date(2027, 1, 31), False, text=make.PUBLISH.text)  # noqa: FBT003
LOGGED = DeniedProbe(PAIR, "tcp/1", make.dropped(), (("fw ", LOG),))
SILENT = DeniedProbe(PAIR._replace(into="dmz"), "udp/1", make.dropped())


def exposure(*exposures: Exposure, **changes: Any) -> ExposureReport:
    """Return what is open; ``changes`` are fields of ExposureReport."""
    return ExposureReport("edge", exposures, 8, 8, 0.5, **{"pairs": (PAIR,), **changes})


def report(**changes: Any) -> AuditReport:
    """Return an audit; ``changes`` are fields of AuditReport."""
    values: dict[str, Any] = {
        "outside": ("wan",), "exposure": exposure(OWNED, OPEN), "exemptions": (DUE, LATER), "denied": (LOGGED, SILENT),
        "exit_code": 1, **changes,
    }  # fmt: skip
    return AuditReport("edge", DAY, **values)


def many(count: int, text: str = "x") -> AuditReport:
    """Return an audit in which all is there so many times."""
    rules = [replace(make.PUBLISH, number=number, comment=text) for number in range(1, count + 1)]
    return report(
        exposure=exposure(
            *(replace(OPEN, rule=rule, owner=text) for rule in rules), lost=(text,), unsettled=(text,), notes=(text,),
            not_asked=(text,),
        ),
        exemptions=tuple(replace(DUE, name=f"{text} {number}", text=text, owner=text) for number in range(count)),
        denied=tuple(replace(LOGGED, logged=((text, rule),)) for rule in rules),
        not_denied=(text,), lost=(text,), evidence=Evidence(text, 7, 6, 1, False, (text,), text),  # noqa: FBT003
    )  # fmt: skip
