"""What is shipped: where it lies, and whether a name is one of its files'."""

from __future__ import annotations

from pathlib import Path

from lab.written.files import is_ordinary

OPTION = "--shipped"


def shipped_root() -> Path:
    """The folder that holds the shipped topologies, policies and matrices: in the package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent


def shipped_matrix(name: str) -> Path | None:
    """The shipped matrix that is called so."""
    file = shipped_root() / "matrices" / f"{name}.yaml"
    return file if "/" not in name and is_ordinary(file) else None


def is_shipped(kind: str, name: str) -> bool:
    """Whether there is a shipped file of this kind (``topologies``, ``policies``) and name."""
    folder = shipped_root() / kind
    there = folder.iterdir() if folder.is_dir() else ()
    return any(path.name == name or path.name.startswith(f"{name}.") for path in there)


def advice(kind: str, name: str, otherwise: str) -> str:
    """How to mend that nothing of this kind and name was found: what is shipped is taken only where it is asked for."""
    if not is_shipped(kind, name):
        return otherwise
    return f"{name} is among what is shipped: `lab init` lays it out here, {OPTION} takes it from there"
