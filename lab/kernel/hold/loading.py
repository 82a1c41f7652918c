"""The rulesets of a policy into a node: loaded whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from lab.kernel.ground.tools import Running
from lab.kernel.hold.kinds import begin, refusal
from lab.kernel.hold.wiping import wipe
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets

# Rules name sets, so these come first; what stands together loads side by side.
PHASES = (("ipset",), ("v4", "v6"), ("nft",))


class Load:
    """Loads ``rulesets`` into the node, beside the caller from the moment it is made.

    An nft script waits for `finish`: what it says of an interface by its index (``iif``) needs the interface.
    """

    def __init__(self, node: Node, rulesets: Rulesets, backend: Backend) -> None:
        self._node, self._backend = node, backend
        self._texts = dict(rulesets.parts())
        self._phases = [[kind for kind in phase if kind in self._texts] for phase in PHASES]
        self._running: Mapping[str, Running] = {}
        if any(kind != "nft" for kind in self._texts):
            self._running = self._next()

    def finish(self) -> None:
        """Return when everything is loaded.

        A refusal is an InputError with the line of the ruleset and of its template; a match or target that this machine
        lacks is a MachineError.  Either way the node then keeps none of it, nor of what it held before.
        """
        self._running = self._running or self._next()
        while self._running:
            for kind, running in self._running.items():
                done = running.finish()
                if done.code != 0:
                    self.stop()
                    wipe(self._node.namespace, self._texts, self._backend)
                    raise refusal(kind, self._backend, done, self._texts[kind])
            self._running = self._next()

    def _next(self) -> Mapping[str, Running]:
        """Start the next phase that has something to load."""
        while self._phases:
            if kinds := self._phases.pop(0):
                return {
                    kind: begin(self._node.namespace, kind, self._backend, self._texts[kind]) for kind in kinds
                }
        return {}

    def stop(self) -> None:
        """Kill the tools that still run."""
        for running in self._running.values():
            running.stop()


def load(node: Node, rulesets: Rulesets, backend: Backend = Backend.NFT) -> None:
    """Load ``rulesets`` into the node and wait for it; raises as `Load.finish`."""
    Load(node, rulesets, backend).finish()
