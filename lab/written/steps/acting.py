"""Steps that send nothing: what they do lies between two packets of a session."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from lab.written.policy import APolicy, PolicySpec
from lab.written.steps.verb import About, Verb
from lab.written.words import Name, one_or_more, several, text_of

LONGEST_WAIT_S = 60.0
_SECONDS = {"ms": 0.001, "s": 1.0}


def _seconds(value: object) -> float:
    text = str(value) if type(value) in (int, float) else text_of(value)
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(ms|s)", text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no time to wait\nwrite 2s or 500ms")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > LONGEST_WAIT_S:
        raise ValueError(f"{text} is longer than a test may wait\nat most {LONGEST_WAIT_S:g}s")
    return seconds


def _known(policies: Mapping[str, PolicySpec], about: About) -> Mapping[str, PolicySpec]:
    for node in policies:
        about.node(node, node)
    return policies


def _known_nodes(nodes: tuple[str, ...], about: About) -> tuple[str, ...]:
    for number, node in enumerate(nodes):
        about.node(node, *([number] if len(nodes) > 1 else []))
    return nodes


def _some(value: object) -> object:
    if isinstance(value, Mapping) and not value:
        raise ValueError("it loads nothing\nwrite {NODE: POLICY}")
    return value


def _loads(policies: Mapping[str, PolicySpec]) -> str:
    return ", ".join(f"{node}: {policy.name or 'files'}" for node, policy in policies.items())


Seconds = Annotated[float, PlainValidator(_seconds), WithJsonSchema({"type": "string"})]
_Nodes = Annotated[tuple[Name, ...], BeforeValidator(one_or_more), several({"type": "string"})]

LOAD = Verb(
    "load", Annotated[dict[Name, APolicy], BeforeValidator(_some)],
    "{NODE: POLICY}: loads policies, as under `policies`, while the session is open",
    alters=True, resolved=_known, in_words=_loads,
)  # fmt: skip
FORGET = Verb(
    "forget", _Nodes, "the node, or nodes, whose conntrack entry of the session is deleted",
    resolved=_known_nodes, in_words=", ".join,
)  # fmt: skip
WAIT = Verb("wait", Seconds, "real time: 2s, 500ms", in_words=lambda seconds: f"{seconds:g} s")
