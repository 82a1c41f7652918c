"""Steps that change the network: a link, a route."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, model_validator

from lab.written.fields import WRITTEN
from lab.written.route_lines import parse_routes
from lab.written.routing import Route
from lab.written.routing_checks import check_routes
from lab.written.steps.verb import About, Verb
from lab.written.words import Name, Text, text_of


class LinkSpec(BaseModel):
    """An interface of a node that is set up or down, as ``ip link set`` does."""

    model_config = WRITTEN

    node: Name = Field(description="the node")
    interface: Text = Field(description="its interface, which is called after its network")
    state: Literal["up", "down"] = Field(description="down takes its routes with it; up brings back what down took")


def _route(value: object) -> Route:
    found = parse_routes(value if isinstance(value, Route) else text_of(value))
    if len(found) != 1:
        raise ValueError(f"{value!r} is {len(found)} routes, and one belongs here")
    return found[0]


_Line = Annotated[Route | None, PlainValidator(_route), WithJsonSchema({"type": "string"})]
_HOW = ("add", "replace", "delete")


class RouteSpec(BaseModel):
    """A route of a node that is added, replaced or deleted, as ``ip route`` does."""

    model_config = WRITTEN

    node: Name = Field(description="the node")
    add: _Line = Field(default=None, description="a line as in `routes`")
    replace: _Line = Field(default=None, description="a line as in `routes`")
    delete: _Line = Field(default=None, description="a line as in `routes`")

    @model_validator(mode="after")
    def _one(self) -> RouteSpec:
        said = [how for how in _HOW if how in self.model_fields_set]
        if len(said) != 1:
            what = f"it says {' and '.join(said)}, and a step does one thing" if said else "it does not say what to do"
            raise ValueError(f"{what}\nwrite one of {', '.join(f'{how}: ROUTE' for how in _HOW)}")
        return self

    @property
    def how(self) -> str:
        """``add``, ``replace`` or ``delete``."""
        return next(how for how in _HOW if getattr(self, how) is not None)

    @property
    def route(self) -> Route:
        """What is added, replaced or deleted."""
        found: Route = getattr(self, self.how)
        return found


def _known_link(link: LinkSpec, about: About) -> LinkSpec:
    spec = about.topology.nodes.get(link.node)
    about.node(link.node, "node")
    if spec is None:
        return link
    if link.interface not in spec.interfaces:
        about.wrong(f"{link.node} has no interface {link.interface!r}", f"it has {', '.join(spec.interfaces)}", "interface")
    elif spec.interfaces[link.interface].bridge:
        about.wrong(f"{link.interface} of {link.node} is a bridge", "set down the interface of a node behind it", "interface")
    return link


def _known_route(said: RouteSpec, about: About) -> RouteSpec:
    spec = about.topology.nodes.get(said.node)
    about.node(said.node, "node")
    if spec is not None:
        only = spec.model_copy(update={"routes": (replace(said.route, item=0),)})
        for problem in check_routes(about.topology, said.node, only):
            about.wrong(problem.what, problem.mend, said.how)
    return said


LINK = Verb(
    "link", LinkSpec, "{node: N, interface: I, state: down|up}", alters=True, resolved=_known_link,
    in_words=lambda link: f"{link.node}@{link.interface} {link.state}",
)  # fmt: skip
ROUTE = Verb(
    "route", RouteSpec, "{node: N, add|replace|delete: ROUTE}", alters=True, resolved=_known_route,
    in_words=lambda said: f"{said.how} at {said.node}: {said.route.text}",
)  # fmt: skip
