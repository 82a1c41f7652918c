"""Whether a host drifted, as a scheduled job asks it: the answer first, and the same answer for the same host."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, reporting, show_nothing
from lab.cli.given import Given, Selection
from lab.cli.one_host import OneHost, one_host, policy_named
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem, gravest
from lab.kernel.ground.privileges import enter
from lab.prepare.scene import Scene
from lab.prepare.twins import Dumps, hosts_of
from lab.record.drifted import DriftReport, NextBoot
from lab.record.host import Host
from lab.report.drifted import drift_lines
from lab.report.write import Reports
from lab.ruleset.backend import Backend
from lab.study.drift import after_boot, drifted
from lab.twin.boot import loaded_at_boot
from lab.twin.build import policies_of
from lab.twin.snapshot import FIRST, is_snapshot
from lab.written.files import Unfit, read_file
from lab.written.find_policy import Given as Instead

_BOOT = "its next boot"


def drift_and_report(
    given: Given, families: tuple[int, ...], backends: Sequence[Backend], reports: Reports[DriftReport], *,
    quiet: bool = False, full: bool = False,
) -> NoReturn:  # fmt: skip
    """Tell whether the host of a snapshot runs what its policy says, and what its next boot changes; drift ends it with 1.

    Without ``backends`` it is the one that holds the host's rules.  Only a terminal is told how far it is: what a job prints is
    its report.
    """
    far = UnderWay(only_a_person=True)
    with reporting(reports, given.named()):
        policy = policy_named(given)
        one = one_host(given, Selection(families, backends or _as_there(given)), far)
        if policy is None and one.host.boot is None:
            what = "there is nothing to hold the host against: no policy, and its snapshot does not tell what boot loads"
            raise InputError(Problem(what, one.host.at, "--policy NAME, or take the snapshot anew"))
        before = _earlier(policy)
        against = () if policy is None else policy if before is None else policies_of(before)
        enter()
        found = _report(one, policy, against, before)
        far.clear()
    silent = reports.printed or (quiet and found.exit_code == 0)
    show = show_nothing if silent else partial(_show, found, full=full)
    finish(found.exit_code, lambda: reports.write(found), show)


def _as_there(given: Given) -> tuple[Backend, ...]:
    """The backend that holds the rules on the host."""
    return tuple(Backend(host.backend or Backend.NFT.value) for host in given.twin().hosts.values())[:1]


def _earlier(policy: str | None) -> Host | None:
    """The host of before, where an earlier snapshot is named in the place of a policy."""
    if policy is None or not policy.endswith(".json"):
        return None
    try:
        begins = read_file(Path(policy), FIRST).decode(errors="replace")
    except (OSError, Unfit, ValueError):
        return None
    return hosts_of(Dumps((policy,)))[0] if is_snapshot(begins) else None


def _report(one: OneHost, policy: str | None, against: Instead, before: Host | None) -> DriftReport:
    running = one.running()
    now = None if policy is None else drifted(running, one.with_policy(against), (policy, one.host.name), one.asking)
    interrupted = now is not None and now.behaviour.interrupted
    boot = NextBoot(why="it was interrupted before") if interrupted else _next_boot(one, running)
    found = [compared for compared in (now, boot.compared) if compared is not None]
    restarted = None
    if before is not None and before.boot is not None and one.host.boot is not None:
        restarted = before.boot.id != one.host.boot.id
    return DriftReport(
        one.host.name, policy, now, boot, restarted,
        interrupted=any(compared.behaviour.interrupted for compared in found),
        problems=(*(problem for compared in found for problem in compared.behaviour.problems), *boot.refused),
        exit_code=gravest((*(compared.exit_code for compared in found), InputError.exit_code if boot.refused else 0)),
    )  # fmt: skip


def _next_boot(one: OneHost, running: Scene) -> NextBoot:
    loaded = loaded_at_boot(one.host)
    if loaded.why is not None:
        return NextBoot(why=loaded.why, notes=loaded.notes)
    try:
        compared = after_boot(running, one.with_policy(loaded.rulesets), (one.host.name, _BOOT), one.asking)
    except InputError as error:
        return NextBoot(files=loaded.files, notes=loaded.notes, refused=error.problems)
    return NextBoot(compared, loaded.files, loaded.notes)


def _show(found: DriftReport, *, full: bool) -> None:
    for line in drift_lines(found, full=full):
        print(line)
    sys.stdout.flush()
