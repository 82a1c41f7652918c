"""How a document is declared: a frozen dataclass whose fields are its keys, in their order.

These are plain dataclasses, which pydantic takes for models where a document is read back (`lab.report.wire.reading`) or its
schema is wanted (`lab.report.wire.schema`).  To write one needs no pydantic: that a run did not finish is written before
anything is imported that takes time, and what was measured is written whatever became of an import.

Within a version keys are only ever added; one that goes, or changes its meaning, makes a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Source = str | Callable[[Any], object]
_OF = "of"
_Document = TypeVar("_Document")


def key(said: str = "", *, of: Source | None = None, named: str | None = None, older: object = MISSING) -> Any:
    """A key of a document: ``said`` is what the schema says of it.

    Its value is the record's attribute of the field's name, or that which ``of`` names (``verdict.rule``), or what the function
    ``of`` makes of the record.  ``named`` is the key where Python has another use for the word.  ``older`` is what is read in
    a document of this version from before the key was added.
    """
    metadata = {"description": said, "alias": named, _OF: of}
    return field(default=older, metadata={name: value for name, value in metadata.items() if value})


def keys_of(kind: type) -> list[tuple[str, str, Source]]:
    """Each field of a document or of a part of one: its name, its key, and where its value comes from."""
    return [(one.name, one.metadata.get("alias", one.name), one.metadata.get(_OF, one.name)) for one in fields(kind)]


def descriptions(kind: type) -> Mapping[str, str]:
    """What is said of each key."""
    return {one.metadata.get("alias", one.name): one.metadata.get("description", "") for one in fields(kind)}


def version_of(kind: type) -> int:
    """The version of a kind of document: the one value that its ``version`` has."""
    (version,) = get_args(get_type_hints(kind)["version"])
    assert isinstance(version, int)
    return version


def adapter(kind: type[_Document]) -> TypeAdapter[_Document]:
    """What reads documents of the kind and knows their schema.

    It is made here, in a module that has no class: before 2.10 pydantic looks for the types that a field names first among the
    names of the module that asks.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
