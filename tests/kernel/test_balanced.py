"""Where a flow may arrive that is sent on to one of several, and a node's rows about itself."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import Outcome
from tests.kernel.conftest import Project
from tests.kernel.scenes import FAR, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel

OTHER = "10.0.2.20"
TO_SERVER = f"-j DNAT --to-destination {SERVER}"
TO_OTHER = f"-A PREROUTING -d {NEAR} -p tcp -j DNAT --to-destination {OTHER}"
HALF = f"-A PREROUTING -d {NEAR} -p tcp -m statistic --mode random --probability 0.5 {TO_SERVER}"


def farm() -> dict[str, Any]:
    """The corridor with a second server, which has a service of its own."""
    other = {"role": "backend", "interfaces": {"right": OTHER}, "via": "gateway", "services": ["tcp/9000"]}
    return corridor(other=other)


def row(service: str, **keys: Any) -> dict[str, Any]:
    return {"name": service, "from": "client", "to": NEAR, "service": service, "expect": "allow", **keys}


def test_one_of_several_is_enough(project: Project) -> None:
    either = row("tcp/8000-8015", arrives={"at": ["server", "other"]})
    (found,) = project.run(farm(), {"gateway": table("nat", HALF, TO_OTHER)}, [either]).results
    assert found.outcome is Outcome.PASSED, found.differences


def test_where_it_arrives_is_none_of_these(project: Project) -> None:
    neither = row("tcp/9000", arrives={"at": ["server", "gateway"]})
    (found,) = project.run(farm(), {"gateway": table("nat", TO_OTHER)}, [neither]).results
    assert found.outcome is Outcome.MISMATCH
    assert found.differences == ("must arrive at node server or gateway, but arrived at node other",)


def test_redirected_for_others_and_not_for_itself(project: Project) -> None:
    rules = table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080")
    at = {"arrives": {"at": "gateway", "port": 8080}}
    flows = [
        {"name": "others", "from": "client", "to": NEAR, "service": "tcp/80", "expect": "allow", **at},
        {"name": "itself", "from": "gateway", "to": FAR, "service": "tcp/80", "expect": "allow", **at},
        {"name": "lo", "from": "gateway", "to": "127.0.0.1", "service": "tcp/80", "expect": "allow", **at},
    ]
    found = project.run(corridor(gateway={"services": ["tcp/8080"]}), {"gateway": rules}, flows).results
    kinds = {cell.row: str(cell.verdict.kind) for cell in found}
    assert kinds == {"others": "allowed", "itself": "closed", "lo": "closed"}
