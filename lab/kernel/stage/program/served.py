"""The servers that the lab brings: their commands, and the files that go with them into the node.

A program of a node sees no /tmp and no /run of the machine, and as an ordinary user perhaps no home: so what it is made of
is handed to it as text, and only the interpreter is the machine's.
"""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lab.errors import MachineError, Problem

_FOLDER = "/run/lab"
_NEEDS = {"ftp": ("pyftpdlib", "asyncore", "asynchat")}  # the last two left the standard library with Python 3.12


def command(name: str) -> tuple[list[str], dict[str, str]]:
    """The words that start the server ``name``, and the files that it needs.

    Raises MachineError where a library of it is not installed.
    """
    files = {f"{_FOLDER}/{path}": text for need in _NEEDS[name] for path, text in _library(need).items()}
    files[f"{_FOLDER}/server.py"] = (Path(__file__).parent / f"{name}_server.py").read_text(encoding="utf-8")
    return [str(Path(sys.executable).resolve()), "-I", "-S", "-B", f"{_FOLDER}/server.py"], files


@cache
def _library(name: str) -> dict[str, str]:
    """The source of an installed library; empty of one that is Python's own."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise MachineError(Problem(f"the FTP server needs the library {name}", mend="pip install pyftpdlib"))
    origin = Path(spec.origin)
    if origin.parent == Path(sysconfig.get_path("stdlib")):
        return {}
    if spec.submodule_search_locations is None:
        return {origin.name: origin.read_text(encoding="utf-8")}
    root = origin.parent
    return {f"{name}/{path.relative_to(root)}": path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
