"""Differences to print: between the rules of a gateway before and after a change."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from lab.record.difference import (
    Aspect,
    Denied,
    Difference,
    DiffReport,
    Flow,
    FlowClass,
    Reached,
    RowOutcome,
    SeenFlow,
    Side,
)
from lab.record.path import Rule, Step
from tests.unit.report import make

FLOW = Flow("world", "192.0.2.7", "198.51.100.1", "tcp/443", 4)
OF = FlowClass(("192.0.2.0/24",), ("10.0.2.10",), ("tcp/8443",), 256, entered=("wan",))
OLD_POLICY = replace(make.POLICY, source="old.rules:9")
NO_MAIL = Rule(
    "gateway", "filter", "FORWARD", 7, "-A FORWARD -p tcp -m tcp --dport 25 -j DROP", comment="no-mail", target="DROP",
    source="new.rules:22",
)  # fmt: skip
LOG = replace(NO_MAIL, number=6, text="-A FORWARD -j LOG", comment=None, target="LOG", source="new.rules:21", log_prefix="fw ")
HOSTILE = "x ::error::y ##[group]z\r\n\x1b[31m| `</td><script>` @team #1 [a](http://b) \u202e" + "long " * 500


def opens(**changes: Any) -> Difference:
    """Return a class that was denied and is allowed; ``changes`` are fields of Difference."""
    values: dict[str, Any] = {
        "aspect": Aspect.ALLOW,
        "flow": FLOW,
        "of": OF,
        "old": Side(make.dropped(), OLD_POLICY),
        "new": Side(make.allowed(), make.PUBLISH, "net-sec", "CHG-1042"),
        "opens": True,
        **changes,
    }
    return Difference(**values)


def closes(**changes: Any) -> Difference:
    """Return a class that was allowed and is denied."""
    new = Side(make.dropped(), NO_MAIL, then=(OLD_POLICY,))
    values = {"old": Side(make.allowed(), make.PUBLISH), "new": new, "opens": False, "closes": True, **changes}
    return opens(**values)


def logs(**changes: Any) -> Difference:
    """Return a class that is denied as before, and logged now."""
    (path,) = make.dropped().path
    logged = replace(path, steps=(*path.steps[:-1], Step("forward", "filter", "FORWARD", LOG, "continue"), path.steps[-1]))
    seen = replace(make.dropped().observation, request=(logged,))
    new = Side(replace(make.dropped(), observation=seen), make.POLICY)
    values = {"aspect": Aspect.LOG, "old": Side(make.dropped(), OLD_POLICY), "new": new, "opens": False, **changes}
    return opens(**values)


def report(*differences: Difference, **changes: Any) -> DiffReport:
    """Return a report; ``changes`` are fields of DiffReport."""
    count = len(differences)
    values: dict[str, Any] = {
        "differences": differences, "reached": Reached(count, 2 * count), "seconds": 2.31, "exit_code": int(bool(differences)),
        **changes,
    }  # fmt: skip
    return DiffReport("old.rules", "new.rules", "gateway", "edge", **values)


@cache
def many(count: int, text: str = "") -> DiffReport:
    """Return a report of so many differences by a fifth as many rules, half of which open something; all else is there too."""

    def one(number: int) -> Difference:
        old = replace(OLD_POLICY, number=number // 5 + 1, comment=text or None)
        sides = {
            "old": Side(make.dropped(), old),
            "of": replace(OF, sources=(f"10.{number // 256 % 256}.{number % 256}.0/24",)),
        }
        rests = {"rests_on": (text,)} if text else {}
        return opens(**sides, **rests) if number % 2 else closes(**sides, **rests)

    rows = tuple(
        RowOutcome(f"row {number} {text}", number % 3 != 0, "it is dropped" * (number % 3 == 0)) for number in range(50)
    )
    return report(
        *map(one, range(count)),
        reached=Reached(count, 2 * count, sampled=True, seed=7, but_for=("recent (6 rules)", text or "string (1)"),
                        unsendable=("RELATED (2 classes)",)),
        denied=tuple(Denied(FLOW, f"accept {text}", "drop") for _ in range(40)),
        lost=tuple(f"{number}: {text or 'no exit seen'}" for number in range(40)),
        change="changes/CHG-1042.yaml", intended=rows, holds=rows, breadth=3.5,
        seen=tuple(SeenFlow("cut", f"10.0.1.{number}", "tcp/443", 3) for number in range(40)),
        notes=tuple(f"note {number} {text}" for number in range(40)),
    )  # fmt: skip
