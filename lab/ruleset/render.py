"""A policy's text as it is loaded, which keeps where each line was written; a file that is no template is read here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.ruleset.digest import digest
from lab.written.files import Unfit, read_file

MAX_CHARACTERS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    r"""A ruleset's text as it is loaded.

    ``sources[i]`` is where line i+1 was written, ``policies/edge.rules.j2:42``, or None where that is not known;
    ``file`` is the template itself.  Paths are relative to the folder above the policy's.

    >>> Rendered("*filter\nCOMMIT\n", ("policies/edge.rules.j2:1", "policies/edge.rules.j2:9"), "edge.rules.j2").source(2)
    'policies/edge.rules.j2:9'
    """

    text: str
    sources: tuple[str | None, ...]
    file: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the text."""
        return digest(self.text)

    def source(self, line: int | None) -> str | None:
        """Where a line (from 1) of the text was written; None where that is not known."""
        return self.sources[line - 1] if line is not None and 0 < line <= len(self.sources) else None

    def where(self, line: int | None) -> Where:
        """The same as a place of a message; without a line of its own, the file."""
        return where_of(self.source(line), self.file)


def where_of(source: str | None, file: str) -> Where:
    """The place that a line's source (``policies/edge.rules.j2:42``) tells; the file alone where it has none.

    >>> where_of("policies/edge.rules.j2:42", "policies/edge.rules.j2").line
    42
    """
    if source is None:
        return Where(file)
    name, _, line = source.rpartition(":")
    return Where(name, int(line))


def as_it_is(source: Path, folder: Path) -> Rendered:
    r"""The text of a policy's file that is no template and lies in ``folder``; raises InputError where it cannot be read.

    >>> _ = (folder / "edge.rules").write_text("*filter\nCOMMIT\n")
    >>> as_it_is(folder / "edge.rules", folder).sources
    ('policies/edge.rules:1', 'policies/edge.rules:2')
    """
    file = f"{source.absolute().parent.name}/{source.name}"
    text = read_text(source, file, within=folder)
    return Rendered(text, tuple(f"{file}:{line}" for line in range(1, line_count(text) + 1)), file)


def as_it_came(text: str, shown: str) -> Rendered:
    r"""A text that no file holds; its lines are told by what messages call it.

    >>> as_it_came("*filter\nCOMMIT\n", "<standard input>").source(2)
    '<standard input>:2'
    """
    return Rendered(text, tuple(f"{shown}:{line}" for line in range(1, line_count(text) + 1)), shown)


def line_count(text: str) -> int:
    """How many lines a text has, the last one with or without an end."""
    return text.count("\n") + (not text.endswith("\n") and text != "")


def read_text(path: Path, file: str, *, within: Path) -> str:
    """The text of a policy's file, each line with the end that it has; ``file`` is what messages call it."""
    where = Where(file)
    try:
        text = read_file(path, 4 * MAX_CHARACTERS, within=within).decode()
    except Unfit as error:
        raise InputError(Problem(f"the policy's file {error}", where, "put the file itself in its place")) from None
    except OSError as error:
        raise InputError(Problem(f"the policy cannot be read ({error.strerror})", where, "correct its name")) from None
    except UnicodeDecodeError as error:
        what = f"the policy is not UTF-8 ({error.reason} at byte {error.start})"
        raise InputError(Problem(what, where, "save it as UTF-8")) from None
    if len(text) > MAX_CHARACTERS:
        raise InputError(Problem(f"the policy is larger than {MAX_CHARACTERS // 2**20} MiB", where, "split it"))
    return text
