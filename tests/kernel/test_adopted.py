"""A process keeps a network and its rules, and others ask it: at the same time, and each unharmed by another one's death."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError, MachineError
from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.record.sweep import OPEN, Gear
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.site import Site
from tests.kernel.keepers import adopted, other
from tests.kernel.scenes import ESTABLISHED, corridor, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WEB = "-A FORWARD -p tcp --dport 80:89 -m comment --comment web -j ACCEPT"
DENY = "-A FORWARD -p tcp -m comment --comment deny -j DROP"
POLICY = table("filter", ESTABLISHED, WEB, DENY)
SERVED: dict[str, Any] = {"services": ["tcp/80", "udp/53"]}
BRIDGED = corridor(
    server=SERVED, more={"role": "backend", "interfaces": {"right": "10.0.2.20"}, "via": "gateway"}
)  # the right network is a bridge in a hidden node
SERVICES = ["tcp/80", "tcp/22", "udp/53", "icmp/echo-request"]
KINDS = [Kind.ALLOWED, Kind.DROPPED, Kind.ALLOWED, Kind.ALLOWED]


@pytest.fixture(scope="module")
def keeper_of() -> Iterator[Callable[[Backend], str]]:
    """The handles that a keeper gave, one for all tests that let it live."""
    with ExitStack() as undo:
        known: dict[Backend, str] = {}

        def handles(backend: Backend) -> str:
            if backend not in known:
                known[backend] = undo.enter_context(other("keep", backend, BRIDGED, POLICY)).line()
            return known[backend]

        yield handles


@pytest.fixture
def handles(keeper_of: Callable[[Backend], str], backend: Backend) -> str:
    return keeper_of(backend)


@contextmanager
def asking(backend: Backend, handles: str) -> Iterator[Lab]:
    with adopted(backend, BRIDGED, POLICY, handles) as site, Lab.on(site) as lab:
        yield lab


def tables(lab: Lab) -> set[str]:
    """The lab's own tables at the gateway."""
    listed = run(lab.network.nodes["gateway"].namespace, ["nft", "list", "tables"]).out
    return {name for name in listed.split() if name.startswith("lab_")}


def all_right(lab: Lab) -> bool:
    verdicts = [lab.probe("client", "server", service) for service in SERVICES]
    assert [verdict.kind for verdict in verdicts] == KINDS
    rule = verdicts[1].rule
    assert rule is not None
    assert (rule.comment, rule.source) == ("deny", f"gateway.rules:{POLICY.splitlines().index(DENY) + 1}")
    return True


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_probes_and_a_sweep_of_what_another_process_holds(handles: str, backend: Backend) -> None:
    before = files()
    with asking(backend, handles) as lab:
        assert all_right(lab)
        swept = lab.sweep("client", "server", "tcp/1-500", gear=Gear.RULE)
        assert sum(high - low + 1 for group in swept.groups if group.verdict.kind in OPEN for low, high in group.keys) == 10
        assert swept.count == 500
        assert all_right(lab)
    assert files() == before, "what was adopted is let go"


def test_two_ask_at_once_until_one_is_killed(handles: str, backend: Backend) -> None:
    """Both instruments stand in one node, and the questions of both come in turn; of one that dies nothing is left."""
    with asking(backend, handles) as lab, other("ask", backend, BRIDGED, POLICY, handles, SERVICES) as second:
        (own,) = tables(lab)
        assert second.line() == "ready"
        assert own in tables(lab)
        assert len(tables(lab)) == 2
        for _ in range(3):
            second.tell("ask")
            assert all_right(lab)
            told = json.loads(second.line())
            assert [word.split()[0] for word in told] == [str(kind) for kind in KINDS]
            assert "deny" in told[1]
        second.tell("ask")
        assert lab.sweep("client", "server", "tcp/1-300", gear=Gear.VERDICT, every_port=True).count == 300
        assert "deny" in json.loads(second.line())[1]
        second.tell("begin a batch")
        assert second.line() == "inside"
        second.kill()
        assert all_right(lab), "its turn ended with it"
        assert tables(lab) == {own}


def test_a_keeper_that_is_killed_leaves_the_asker_what_it_asks(backend: Backend) -> None:
    with other("keep", backend, BRIDGED, POLICY) as keeper, asking(backend, handles := keeper.line()) as lab:
        assert all_right(lab)
        keeper.kill()
        assert all_right(lab)
    with pytest.raises(MachineError, match=f"process {keeper.pid} does not hold it"), asking(backend, handles):
        pass


def test_rules_are_exchanged_where_another_process_built(handles: str, backend: Backend) -> None:
    """The last of those that share a keeper."""
    with asking(backend, handles) as lab:
        lab.load("gateway", rulesets(table("filter", "-A FORWARD -p tcp --dport 80 -m comment --comment shut -j DROP")))
        seen = lab.probe("client", "server", "tcp/80")
        assert (seen.kind, seen.rule and seen.rule.comment) == (Kind.DROPPED, "shut")


def test_two_labs_of_one_process_know_of_each_others_loads(backend: Backend) -> None:
    with Site(topology(corridor()), {"gateway": rulesets(POLICY)}, backend=backend) as site:
        with Lab.on(site) as one, Lab.on(site) as two:
            one.load("gateway", rulesets(table("filter", "-A FORWARD -p udp -j ACCEPT", DENY)))
            rules = [lab.probe("client", "server", "tcp/80").rule for lab in (one, two)]
        assert [rule and rule.comment for rule in rules] == ["deny"] * 2, "where the other rules had `web`"


def test_handles_of_something_else(backend: Backend) -> None:
    with Site(topology(corridor()), {"gateway": rulesets(POLICY)}, backend=backend) as site:
        handles = site.network.handles
        with pytest.raises(InputError, match="these handles are of another topology"):
            Site.adopt(topology(BRIDGED), {}, handles, backend=backend)
        first, *rest = handles.nodes
        wrong = first.model_copy(update={"inode": first.inode + 1})
        with pytest.raises(MachineError, match=r"client: process \d+ does not hold it any more"):
            Site.adopt(topology(corridor()), {}, handles.model_copy(update={"nodes": (wrong, *rest)}), backend=backend)
