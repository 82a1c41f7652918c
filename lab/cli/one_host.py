"""One host of a dump, and what it is held against: what `lab reconcile` and `lab drift` ask of the command line."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import partial

from lab.cli.given import Given, Selection
from lab.cli.under_way import UnderWay
from lab.errors import InputError, Problem
from lab.prepare.policies import Rendering
from lab.prepare.scene import Scene, twin_scene
from lab.record.host import Host
from lab.study.diff.modelled import modelled
from lab.study.drift import Asking
from lab.twin.twin import Twin
from lab.written.find_policy import Given as Instead


@dataclass(frozen=True, slots=True)
class OneHost:
    """The twin of one host, and how it is asked."""

    twin: Twin
    rendering: Rendering
    asking: Asking

    @property
    def host(self) -> Host:
        """The host, by the name of its node."""
        return self.twin.hosts[self.asking.node]

    def running(self) -> Scene:
        """The host with the rules that it runs."""
        return twin_scene(self.twin, {}, rendering=self.rendering)

    def with_policy(self, policy: Instead) -> Scene:
        """The same host with others."""
        return twin_scene(self.twin, {self.asking.node: policy}, rendering=self.rendering)


def one_host(given: Given, chosen: Selection, far: UnderWay) -> OneHost:
    """The host of the only dump; raises InputError."""
    if len(chosen.backends) > 1:
        raise InputError(Problem("a host is held against its policy on one backend", mend="--backend nft"))
    (backend,) = chosen.backends
    twin = given.twin()
    if len(twin.hosts) > 1:
        raise InputError(Problem("one host is held against its policy", mend="name one snapshot"))
    (node,) = twin.hosts
    asking = Asking(
        node, backend, chosen.families, partial(modelled, waiting=far.tell),
        lambda done, of: far.tell(f"{done} of {of} flows asked on both sides, {far.seconds:.0f} s"),
        datetime.datetime.now().astimezone().date(),
    )  # fmt: skip
    return OneHost(twin, given.rendering(backend), asking)


def policy_named(given: Given) -> str | None:
    """What the host should run: a policy by itself, as there is one node; None where none is named."""
    said = [text.partition("=")[2] or text for text in given.policy or ()]
    if len(said) > 1:
        raise InputError(Problem("against which policy is the host held?", mend="--policy NAME, or --policy FILE"))
    return said[0] if said else None
