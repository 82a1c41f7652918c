"""Which tool loads and prints each kind of ruleset, and what its refusal means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lab.errors import InputError, LabError, MachineError, MissingError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import Finished, Running
from lab.kernel.hold.named_objects import make
from lab.ruleset import ipset
from lab.ruleset.applying import tools as tools_of
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.tools import FAMILIES
from lab.ruleset.backend import Backend
from lab.ruleset.closed_lists import require_data
from lab.ruleset.named_objects import objects_named
from lab.ruleset.render import Rendered

NFT_FAMILIES = FAMILIES
_TABLE = re.compile(r"^\*(\S+)", re.MULTILINE)
_MARKED = re.compile(r"^ *(\^[\^~]*)$", re.MULTILINE)
_ALONE = "line 1 of the rendered ruleset, "
_TOO_LONG = "Message too long"


def restore(kind: str, backend: Backend) -> list[str]:
    """The command that loads a text of this kind from its standard input."""
    return list(tools_of.restore(kind, backend))


def begin(
    namespace: Namespace, kind: str, backend: Backend, rendered: Rendered, text: str | None = None, *options: str
) -> Running:
    """Start to load a text of this kind; ``text`` is a copy of it, line for line.

    What is about to be loaded is held against the closed list of its tool, whoever made it: InputError.  The objects that its
    rules name are made: MachineError where the kernel cannot.
    """
    text = rendered.text if text is None else text
    require_data(kind, rendered, text)
    make(namespace, objects_named(kind, text))
    return Running(namespace, [*restore(kind, backend), *options], text)


def saves(kind: str, backend: Backend, tables: Sequence[str]) -> list[list[str]]:
    """The commands that print what the kernel holds of iptables' kind, one after the other; ``tables`` are those it may have.

    Legacy prints table by table, as without a name it reads a file of /proc that an ordinary user may not read.
    """
    tool = f"{tools_of.TOOLS[kind]}-{backend}-save"
    if backend is Backend.NFT:
        return [[tool]]
    return [[tool, "-t", table] for table in tables]


def tables_in(text: str) -> Sequence[str]:
    """The tables that a text of iptables speaks of, each once."""
    return tuple(dict.fromkeys(_TABLE.findall(text)))


def tools(kinds: Sequence[str], backend: Backend) -> list[str]:
    """Every tool that loading and printing these kinds needs."""
    found = [restore(kind, backend)[0] for kind in kinds]
    return found + [f"{tools_of.TOOLS[kind]}-{backend}-save" for kind in kinds if kind in tools_of.TOOLS]


def refusal(kind: str, backend: Backend, done: Finished, rendered: Rendered) -> LabError:
    """Why the tool refused a text: an InputError with the template's file and line, or what this machine lacks."""
    # what reads refusals is much, and most rulesets are loaded
    from lab.ruleset.mended import in_short, mender
    from lab.ruleset.nft.refusal import is_missing_feature
    from lab.ruleset.nft.refusal import locate as locate_nft
    from lab.ruleset.refusal import is_missing_extension, locate

    tool = restore(kind, backend)[0]
    if done.stopped:
        return InputError(Problem(f"{rendered.file}: {tool} {done.stopped} over this ruleset, and was stopped"))
    if done.code < 0:
        what = f"{rendered.file}: {tool} died of signal {-done.code} over this ruleset"
        return InputError(Problem(what, mend="try it by hand in `unshare -n`, and without -R, -D or -E"))
    if _TOO_LONG in done.err:
        what = f"{rendered.file}: this ruleset is larger than this machine lets an ordinary user give to the kernel at once"
        return MachineError(Problem(what, mend="sudo sysctl -w net.core.wmem_max=16777216   (or run as root)"))
    if kind == "ipset":
        missing = ipset.is_missing(done.err)
        return (MissingError if missing else InputError)(ipset.locate(done.err, rendered))
    if kind == "nft":
        problem, is_missing = locate_nft(done.err, rendered), is_missing_feature(done.err, rendered)
    else:
        problem, is_missing = locate(done.err, rendered, backend), is_missing_extension(done.err, rendered)
    if kind == "v6":
        problem = replace(problem, what=problem.what.replace("iptables", tools_of.TOOLS[kind], 1))
    if is_missing:
        return MissingError(problem)
    repairs = mender(kind)(rendered.text).repairs
    if repairs:
        also = f"--mend would repair it {in_short(repairs)}"
        problem = replace(problem, mend=f"{problem.mend}; or: {also}" if problem.mend else also)
    return InputError(problem)


def refusal_of_one(command: Command, backend: Backend, done: Finished, rendered: Rendered) -> LabError:
    """The same of a single statement of the text: the tool does not say the line, the command does."""
    if command.kind == "nft":
        where = rendered.where(command.line)
        if command.stdin:
            found = refusal("nft", backend, done, Rendered(command.stdin, (), rendered.file))
        else:
            # of what it is given as words nft tells no line, and shows the place below it
            marked = _MARKED.search(done.err)
            first, last = (marked.start(1), marked.end(1)) if marked else (0, 1)
            begin = marked.start() if marked else 0
            said = f"/dev/stdin:1:{first - begin + 1}-{last - begin}: {done.err}"
            found = refusal("nft", backend, replace(done, err=said), Rendered(command.argv[-1], (), rendered.file))
        return type(found)(
            replace(problem, what=problem.what.replace(_ALONE, "", 1), where=where) for problem in found.problems
        )
    if command.line is None:
        return refusal(command.kind, backend, done, rendered)
    if command.kind == "ipset":
        said = f"Error in line {command.line}: {done.err}"
    else:
        said = f"{done.err}\nError occurred at line: {command.line}\n"
    return refusal(command.kind, backend, replace(done, err=said), rendered)
