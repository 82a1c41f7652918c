"""What is noted of a lab that is up: who keeps it, and how another process comes to its nodes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.errors import InputError, MachineError, Problem
from lab.keep.runtime import runtime_folder, tidy
from lab.kernel.hold.held import Held
from lab.kernel.hold.line_map import NodeLines
from lab.kernel.stage.handles import NetworkHandles
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

_ENTRY, _KEPT = "lab.json", "kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a lab was built of; ``lines`` is where its rules stand.  ``policies`` are what was last loaded by the lab.

    ``held`` is what the kernel then held of them: what is there now is told by it.
    """

    topology: Topology
    policies: Mapping[str, Rulesets]
    lines: Mapping[str, NodeLines]
    backend: Backend
    held: Mapping[str, Held]


class Entry(BaseModel):
    """A lab that is up.

    ``keeper`` and ``sweeper`` are processes: the one holds it, the other removes what is noted of it when that has ended.
    ``doors`` is the folder of doors as the keeper sees it, ``worlds`` the first process of each node's world; ``since`` is in
    seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    keeper: int
    sweeper: int
    since: float
    about: str
    topology: str
    backend: Backend
    handles: NetworkHandles
    doors: str
    worlds: dict[str, int]
    drill: str = ""
    folder: Path = Field(default=Path(), exclude=True)
    """Where it is noted, and what else is about it."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Its nodes, in the topology's order."""
        return tuple(handle.name for handle in self.handles.nodes)

    def door_of(self, node: str) -> str:
        """Where commands are brought into a node; raises InputError for one that is not there."""
        self.require_node(node)
        return f"/proc/{self.keeper}/root{self.doors}/{node}"

    def world_of(self, node: str) -> Path:
        """The files of a node, as its shells have them."""
        self.require_node(node)
        return Path(f"/proc/{self.worlds[node]}/root")

    def require_node(self, node: str) -> None:
        """Raise InputError for a node that is none of the lab's."""
        if node not in self.nodes:
            raise InputError(Problem(f"{self.name} has no node {node!r}", mend=f"its nodes are {', '.join(self.nodes)}"))

    def kept(self) -> Kept:
        """What it was built of, and what was loaded since; raises MachineError where it is gone meanwhile."""
        try:
            found = pickle.loads((self.folder / _KEPT).read_bytes())
        except OSError as error:
            raise MachineError(Problem(f"{self.name} is not up any more: {error.strerror}")) from None
        except Exception:  # noqa: BLE001 - whatever another version has written
            what = f"{self.name} was brought up by another version of netfilter-lab"
            raise MachineError(Problem(what, mend=f"lab down {self.name}, and up again")) from None
        assert isinstance(found, Kept)
        return found


def note(folder: Path, entry: Entry, kept: Kept) -> None:
    """Write down that a lab is up."""
    _write(folder / _KEPT, pickle.dumps(kept))
    _write(folder / _ENTRY, entry.model_dump_json().encode())


def keep_anew(entry: Entry, kept: Kept) -> None:
    """Write down what was loaded into a lab that is up."""
    _write(entry.folder / _KEPT, pickle.dumps(kept))


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.write_bytes(content)
    new.rename(file)


def entries() -> tuple[Entry, ...]:
    """All labs that are up, by name; one that is being built is none yet."""
    return tuple(found for folder in tidy(runtime_folder()) if (found := _read(folder)) is not None)


def find(name: str) -> Entry:
    """The lab that is called so; raises InputError with those that are up."""
    up = entries()
    for entry in up:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in up)
    mend = f"up are: {names}" if names else "none is; `lab up TOPOLOGY` brings one up"
    raise InputError(Problem(f"no lab called {name!r} is up", mend=mend))


def _read(folder: Path) -> Entry | None:
    try:
        entry = Entry.model_validate_json((folder / _ENTRY).read_bytes())
    except (OSError, ValidationError):
        return None
    return entry.model_copy(update={"folder": folder})
