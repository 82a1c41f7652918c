"""What of a site is watched: every node that has rules, forwards or bridges, by the rules that are in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.watch.instrument import Instrument
from lab.ruleset.backend import Backend
from lab.site import Site


class Watching:
    """The ``instrument`` of who asks a site, which others may ask too: it follows what they load.

    `begin` before anything is asked; raises MeasurementError when the instrument cannot be armed.
    """

    def __init__(self, site: Site) -> None:
        self._site, self._told = site, site.held
        self.instrument = Instrument(site.network)

    def begin(self) -> None:
        """Trace every node that has rules, forwards or bridges: elsewhere no rule can decide."""
        self._told = self._site.held
        for name in self._site.network.nodes:
            self._watch(name)
        self.instrument.canary()

    def _watch(self, name: str) -> None:
        site, policy = self._site, self._site.held.policies.get(name)
        if policy is not None:
            self.instrument.watch(
                site.network.nodes[name], policy.index, site.backend, zoned=policy.zoned, always=policy.traces
            )
        elif site.topology.nodes[name].passes_on:
            self.instrument.watch(site.network.nodes[name], RuleIndex(name, {}))

    def follow(self) -> None:
        """Have the instrument name the rules that are in force by now."""
        if self._site.trouble is not None or self._told is self._site.held:
            return
        for name in self._site.network.nodes:
            policy = self._site.held.policies.get(name)
            if policy is self._told.policies.get(name):
                continue
            otherwise_held = self._site.backend is Backend.LEGACY and name not in self._told.policies
            if policy is None or otherwise_held or name not in self.instrument.nodes:
                self.instrument.forget(name)
                self._watch(name)
            else:
                self.instrument.suit(name, zoned=policy.zoned, always=policy.traces, ingress=policy.index.has_ingress)
                self.instrument.retell(name, policy.index)
        self._told = self._site.held

    @contextmanager
    def exchange(self, node: str, *, ingress: bool) -> Iterator[None]:
        """While inside, what ``node`` holds is exchanged, and then followed; with ``ingress`` rules may stand there too."""
        watched = node in self.instrument.nodes
        with self.instrument.exchange(node, ingress=ingress) if watched else nullcontext():
            try:
                yield
            finally:
                self.follow()
