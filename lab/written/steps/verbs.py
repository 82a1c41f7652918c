"""All verbs of steps, and the model of a step as it is written: one of them, and the session that it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, create_model, model_validator

from lab.written.fields import WRITTEN
from lab.written.steps.acting import FORGET, LOAD, LONGEST_WAIT_S, WAIT
from lab.written.steps.flow import FLOW
from lab.written.steps.network import LINK, ROUTE
from lab.written.steps.packets import ICMP_ERROR, PACKET
from lab.written.steps.spoken import ANSWER, CLOSE, OPEN, RESET, SEND
from lab.written.steps.verb import Verb
from lab.written.words import Name

# in the order of a step's JSON Schema
VERBS: tuple[Verb, ...] = (OPEN, SEND, ANSWER, CLOSE, RESET, PACKET, ICMP_ERROR, FLOW, LOAD, FORGET, LINK, ROUTE, WAIT)
MOST_STEPS = 64  # of one row


class _Step(BaseModel):
    model_config = WRITTEN

    session: Name | None = Field(default=None, description="which of the row's sessions it is of, where there are several")

    @model_validator(mode="after")
    def _one_verb(self) -> _Step:
        said = [verb.name for verb in VERBS if _field(verb) in self.model_fields_set]
        if len(said) != 1:
            what = f"a step does one thing, and this one says {' and '.join(said)}" if said else "a step without a verb"
            raise ValueError(f"{what}\nit is one of {', '.join(verb.name for verb in VERBS)}")
        verb = next(verb for verb in VERBS if verb.name == said[0])
        if self.session is not None and not verb.speaks and verb.name != FORGET.name:
            raise ValueError(f"`{verb.name}` is of no session")
        return self

    @property
    def verb(self) -> Verb:
        """What it does."""
        return next(verb for verb in VERBS if _field(verb) in self.model_fields_set)

    @property
    def said(self) -> Any:
        """What stands after its verb."""
        return getattr(self, _field(self.verb))


def _field(verb: Verb) -> str:
    return "step_" + verb.name.replace("-", "_")


_FIELDS: dict[str, Any] = {
    _field(verb): (verb.written | None, Field(default=None, alias=verb.name, description=verb.says)) for verb in VERBS
}
StepSpec: type[_Step] = create_model("Step", __base__=_Step, __doc__="One step of a flow of several.", **_FIELDS)


def bounded(steps: Sequence[_Step]) -> None:
    """A ValueError for more steps, or more waiting, than one row may have."""
    if len(steps) > MOST_STEPS:
        raise ValueError(f"{len(steps):,} steps, and a row has {MOST_STEPS} at most\nmake several rows of it")
    waits = sum(step.said for step in steps if step.verb is WAIT)
    if waits > LONGEST_WAIT_S:
        raise ValueError(f"its steps wait {waits:g}s together, and a row waits {LONGEST_WAIT_S:g}s at most")
