"""Each way to apply ends with what a load of the new rules gives, and what was held comes back from wherever it was killed."""

from __future__ import annotations

import re

import pytest

from lab.errors import MissingError
from lab.kernel.hold.applying import held_texts
from lab.ruleset.applying.rollback import rollback
from lab.ruleset.applying.ways import commands
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.written.change import Apply
from tests.doors.shipped import shipped_plan
from tests.kernel.applying import CHANGES, LEGACY, NEW, NFT, OLD, a_node, apply, rules_of, run_all, state_of
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
        assert state_of(node, backend) == wanted
    assert [one.command for one in ran] == list(done)
    times = [time for one in ran for time in (one.begun, one.ended)]
    assert times == sorted(times)


@pytest.mark.parametrize(("old", "new", "by"), [
    ("service-host", "office-nat-gateway", NFT),
    ("office-nat-gateway", "docker-host-gateway", LEGACY),
])  # fmt: skip
def test_shipped_policies(old: str, new: str, by: Backend) -> None:
    before, after = (next(iter(shipped_plan(matrix).policies.values())) for matrix in (old, new))
    with a_node(after, by) as node:
        wanted = rules_of(node, by)
    with a_node(before, by) as node:
        was, texts = rules_of(node, by), held_texts(node, by, before)
        for how in ("script", "flush-first", "restore"):
            run_all(node, commands(Apply(how), before, after, by))
            assert rules_of(node, by) == wanted
            run_all(node, rollback(texts, after, by))
            assert rules_of(node, by) == was


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


def test_what_was_held_comes_back_wherever_it_was_killed() -> None:
    done = commands(Apply("restore"), OLD, NEW, NFT)
    states = []
    with a_node(OLD, NFT) as node:
        before, back = state_of(node, NFT), rollback(held_texts(node, NFT, OLD), NEW, NFT)
        for most in range(len(done) + 1):
            assert len(apply(node, done, NEW, NFT, most)) == most
            states.append(state_of(node, NFT))
            run_all(node, back)
            assert state_of(node, NFT) == before
    assert states[0] == before != states[-1]


@pytest.mark.parametrize(("change", "how"), [("legacy", "restore"), ("native", "script"), ("from native", "restore")])
def test_what_was_held_comes_back_from_between_any_two_commands(change: str, how: str) -> None:
    old, new, backend = CHANGES[change]
    done = commands(Apply(how), old, new, backend)
    with a_node(old, backend) as node:
        before, back = state_of(node, backend), rollback(held_texts(node, backend, old), new, backend)
        for most in range(len(done) + 1):
            run_all(node, done[:most])
            run_all(node, back)
            assert state_of(node, backend) == before


def test_a_rollback_may_run_twice() -> None:
    with a_node(OLD, NFT) as node:
        before, back = state_of(node, NFT), rollback(held_texts(node, NFT, OLD), NEW, NFT)
        apply(node, commands(Apply("flush-first"), OLD, NEW, NFT), NEW, NFT)
        for _ in range(2):
            apply(node, back, Rulesets(), NFT)
            assert state_of(node, NFT) == before
