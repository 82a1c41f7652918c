"""All keys that a row can expect with, and the fields that they give to what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, Field, create_model

from lab.written.expect.arrives import ARRIVES
from lab.written.expect.by import BY
from lab.written.expect.conntrack import CONNTRACK
from lab.written.expect.copied import COPIED
from lab.written.expect.exception import EXCEPTION
from lab.written.expect.key import Key
from lab.written.expect.known import KNOWN
from lab.written.expect.leaves import LEAVES
from lab.written.expect.logged import LOGGED
from lab.written.expect.rule import RULE
from lab.written.expect.through import THROUGH

_Model = TypeVar("_Model", bound=BaseModel)

# in the order of a row's JSON Schema
KEYS: tuple[Key[Any], ...] = (
    ARRIVES,
    LEAVES,
    CONNTRACK,
    RULE,
    THROUGH,
    LOGGED,
    COPIED,
    EXCEPTION,
    KNOWN,
    BY,
)
OF_DEFAULT = tuple(key for key in KEYS if key.in_default)


def with_keys(keys: Iterable[Key[Any]]) -> Callable[[type[_Model]], type[_Model]]:
    """Decorates a model with a field for each of ``keys``, behind its own."""
    fields: dict[str, Any] = {key.name: (key.written, Field(default=key.default, description=key.says)) for key in keys}

    def decorated(model: type[_Model]) -> type[_Model]:
        return create_model(
            model.__name__, __base__=model, __doc__=model.__doc__, __module__=model.__module__, **fields
        )  # fmt: skip

    return decorated
