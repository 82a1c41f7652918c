"""What a drill is played on: the nodes of a lab that stands, from outside, and their worlds, by their doors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lab.errors import InputError, MeasurementError, Problem
from lab.kernel.ground.tools import run
from lab.kernel.hold.held import Held
from lab.kernel.hold.read_back import held
from lab.kernel.stage.door import run_at
from lab.kernel.stage.node import Node
from lab.lab import Lab
from lab.ruleset.backend import Backend
from lab.ruleset.held import HeldRule
from lab.ruleset.rulesets import Rulesets
from lab.site import Site

_TOOLS = {"ip": "iptables", "ip6": "ip6tables"}
_REBOOTED = "/run/lab/rebooted"
_FAMILIES = {"4": ("ip",), "6": ("ip6",), "both": ("ip", "ip6", "inet")}


@dataclass(frozen=True)
class Grounds:
    """A ``site``, and the ``doors`` of its nodes by name; ``policies`` are rulesets that faults load, by their names."""

    site: Site
    doors: Mapping[str, str]
    policies: Mapping[str, Rulesets] = field(default_factory=dict)

    @property
    def backend(self) -> Backend:
        """The iptables that holds the nodes' rules."""
        return self.site.backend

    def node(self, name: str) -> Node:
        """The node of this name; raises InputError where there is none."""
        self.site.require_node(name)
        return self.site.network.nodes[name]

    def held(self, name: str) -> Held:
        """What the node holds now, whoever put it there."""
        return held(self.node(name), self.backend, before=self.site.held.policies.get(name))

    @contextmanager
    def as_they_are(self) -> Iterator[Asking]:
        """The same lab to be asked, whatever was done to it since; raises as `Site.as_it_is`, and what a lab raises."""
        site = self.site
        now = Site.as_it_is(site.topology, site.held.policies, site.network.handles, backend=site.backend)
        now.bell = site.bell
        with now, Lab.on(now) as lab:
            yield Asking(replace(self, site=now), lab)

    def by_comment(self, found: Held, comment: str, family: str = "both") -> Sequence[HeldRule]:
        """The rules with this comment, of a family (``4``, ``6``, ``both``); raises InputError where there is none."""
        rules = [rule for rule in found.rules() if rule.comment == comment and rule.family in _FAMILIES[family]]
        if not rules:
            raise InputError(Problem(f"{found.node} holds no rule with the comment {comment!r}"))
        return rules

    def tool(self, name: str, argv: Sequence[str], stdin: str = "") -> str:
        """What a tool of the machine's prints in the node; raises InputError where it refuses."""
        done = run(self.node(name).namespace, argv, stdin)
        if done.code != 0:
            said = " ".join((done.err or done.out).split())[-500:]
            raise InputError(Problem(f"{name}: `{' '.join(argv)}` {done.stopped or f'ended with {done.code}'}: {said}"))
        return done.out

    def zero_counters(self) -> None:
        """Have the rules of all nodes count from nothing."""
        for name, policy in self.site.held.policies.items():
            for family, table in dict.fromkeys(key[:2] for key in self.held(name).chains):
                if family in _TOOLS and (family, table) not in {key[:2] for key in policy.native}:
                    self.tool(name, [f"{_TOOLS[family]}-{self.backend}", "-w", "-t", table, "-Z"])

    def inside(self, name: str, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        """What a command prints in the node's world; raises InputError where it fails, and MeasurementError without a world."""
        self.node(name)
        if name not in self.doors:
            raise MeasurementError(Problem(f"{name} has no world that a command could run in"))
        ended = run_at(self.doors[name], argv, stdin=stdin)
        if ended.code != 0:
            said = " ".join((ended.err or ended.out).decode(errors="replace").split())[-500:]
            raise InputError(Problem(f"{name}: `{' '.join(argv)}` ended with {ended.code}: {said}"))
        return ended.out

    def was_rebooted(self, name: str) -> bool:
        """Whether somebody has booted the node anew since the lab is up."""
        return bool(self.inside(name, ["sh", "-c", f"! test -e {_REBOOTED} || echo yes"]).strip())

    def write(self, name: str, path: str, text: str) -> None:
        """Put a file into the node's world, in the place of one that is there."""
        folder = path.rpartition("/")[0] or "/"
        self.inside(name, ["sh", "-c", 'mkdir -p "$1" && cat > "$2"', "sh", folder, path], text.encode())


@dataclass(frozen=True, slots=True)
class Asking:
    """Grounds as they are now, and the ``lab`` that is asked there."""

    grounds: Grounds
    lab: Lab
