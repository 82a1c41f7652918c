"""What the kernel refuses of a node's routes and rules, told where they are written and why."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from lab.errors import Problem, Where
from lab.kernel.ground.rtnetlink import Request
from lab.kernel.stage.addressing import EVERYWHERE
from lab.written.routing import Route
from lab.written.topology import NodeSpec, Topology

_MAIN = 254
_APART = "take one of them out; or write `metric N` behind one, or `table N`, and a rule that looks that up"


class Told:
    """The words for what the kernel refuses of nodes of ``topology``."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def __call__(self, node: str, request: Request, code: int) -> Problem:
        """Why ``request`` was refused at ``node`` with this error number, as far as the topology tells."""
        spec = self._topology.nodes[node]
        said = os.strerror(code)
        where, route = self._place(node, spec, request.what)
        why, mend = "", ""
        if code == errno.EEXIST and route is not None:
            why, mend = next(((f"{said}: {other}", _APART) for other in _others(spec, route)), ("", ""))
        elif code in (errno.ENETUNREACH, errno.EHOSTUNREACH) and route is not None:
            why = f"{said}: no route of {node} leads to its gateway"
            mend = "name a gateway on one of the node's networks; or write the route that leads there above it"
        return Problem(f"{node}: the kernel refuses {request.what}: {why or said}", where, mend)

    def _place(self, node: str, spec: NodeSpec, what: str) -> tuple[Where | None, Route | None]:
        """Where it is written; of several that read the same, the last one is the one too many."""
        for route in reversed(spec.routes):
            if what == f"route {route.text!r}":
                return self._topology.where("nodes", node, "routes", route.item), route
        for rule in reversed(spec.rules):
            if what == f"rule {rule.text!r}":
                return self._topology.where("nodes", node, "rules", rule.item), None
        key = "via" if what.startswith("default route via ") else None
        return self._topology.where("nodes", node, *([key] if key else [])), None


def _others(spec: NodeSpec, refused: Route) -> Iterator[str]:
    """What leads there already, in the same table and as well."""
    table = refused.table or _MAIN
    here = table == _MAIN and not refused.metric and not refused.tos
    if here and refused.destination == EVERYWHERE[refused.family] and spec.via:
        yield f"`via: {', '.join(spec.via)}` is a default route already"
    for route in spec.routes:
        alike = (route.table or _MAIN, route.metric, route.tos) == (table, refused.metric, refused.tos)
        if route is not refused and route.destination == refused.destination and alike:
            yield f"route {route.text!r} leads there already"
    for name, port in spec.interfaces.items():
        if here and any(address.network == refused.destination for address in port.of_family(refused.family)):
            yield f"the address of {name} leads there already"
