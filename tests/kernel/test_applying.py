"""Each way to apply ends with what a load of the new rules gives."""

from __future__ import annotations

import re

import pytest

from lab.errors import MissingError
from lab.kernel.hold.state import state_of
from lab.ruleset.applying.ways import commands
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.verdict.restored import left_over
from lab.written.change import Apply
from tests.doors.shipped import shipped_plan
from tests.kernel.applying import CHANGES, LEGACY, NFT, a_node, apply, rules_of, run_all
from tests.kernel.nft_scripts import SCRIPTS
from tests.kernel.scenes import rendered

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("how", ["boot", "restore", "script", "flush-first"])
@pytest.mark.parametrize("change", CHANGES)
def test_each_way_ends_with_what_a_load_gives(change: str, how: str) -> None:
    old, new, backend = CHANGES[change]
    with a_node(new, backend) as node:
        wanted = state_of(node, backend)
    with a_node(Rulesets() if how == "boot" else old, backend) as node:
        done = commands(Apply(how), old, new, backend)
        ran = apply(node, done, new, backend)
        assert [one.what for one in left_over(wanted, state_of(node, backend))] == []
    assert [one.command for one in ran] == list(done)
    times = [time for one in ran for time in (one.begun, one.ended)]
    assert times == sorted(times)


@pytest.mark.parametrize(("one", "other", "by"), [
    ("service-host", "office-nat-gateway", NFT),
    ("office-nat-gateway", "docker-host-gateway", LEGACY),
])  # fmt: skip
def test_shipped_policies_there_and_back(one: str, other: str, by: Backend) -> None:
    first, second = (next(iter(shipped_plan(matrix).policies.values())) for matrix in (one, other))
    wanted = []
    for policy in (first, second):
        with a_node(policy, by) as node:
            wanted.append(rules_of(node, by))
    with a_node(first, by) as node:
        for how, old, new, rules in (
            ("script", first, second, wanted[1]),
            ("flush-first", second, first, wanted[0]),
            ("restore", first, second, wanted[1]),
        ):
            run_all(node, commands(Apply(how), old, new, by))
            assert rules_of(node, by) == rules


def test_scripts_of_native_nft_in_every_form_one_statement_after_another() -> None:
    """But for ``index``, which counts otherwise where the rules before it are of the same transaction."""
    for text in SCRIPTS.values():
        new = Rulesets(nft=rendered(re.sub(r"§\w+ |index \d", "", text), "gateway.nft"))
        try:
            with a_node(new, NFT) as node:
                wanted = rules_of(node, NFT)
        except MissingError:  # of flowtables, say
            continue
        with a_node(Rulesets(), NFT) as node:
            run_all(node, commands(Apply("script"), Rulesets(), new, NFT))
            assert rules_of(node, NFT) == wanted
