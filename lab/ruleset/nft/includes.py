"""The includes of an nft script, expanded as nft expands them, from the policy's own folder alone.

nft puts a file's text in place of its ``include``, which may stand wherever a statement may.  A name with wildcards may
match nothing, hides files that begin with a dot, and takes the others in the order of their bytes; a folder includes
nothing.  Names are relative to the policy's folder, with ``./`` before them or not, in files that are included too; an
absolute one is that of a host, and lies where the policy says.
"""

from __future__ import annotations

import glob
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from lab.errors import InputError, Problem, Where
from lab.ruleset.nft.tokens import TOKEN
from lab.ruleset.render import MAX_CHARACTERS, Rendered, where_of
from lab.written.files import Unfit, read_file
from lab.written.policy import Includes

NOT_MAPPED = Includes()
MAX_DEPTH = 15  # nft reads 16 files within each other, the script among them
MAX_FILES = 4096
MAX_WILD = 3
_MEND = "include files of the policy's folder, by names relative to it; or take the line out, where it means no file"
_MAP = (
    "say where it lies in the policies folder: {nft: FILE, includes: {%s: FOLDER}}, or null for FOLDER where nothing is there; "
    "or take what `nft list ruleset` prints on the host, which holds what was included"
)
_WILD = re.compile(r"[*?\[]")


def expand(rendered: Rendered, folder: Path | None, includes: Includes = NOT_MAPPED) -> Rendered:
    r"""The script with the files that it includes; each line knows the file and line that it was written in.

    ``folder`` is the policy's, None for a text that lies in none; sources are told relative to the folder above it, as
    `render` does.  ``includes`` maps absolute names.  Raises InputError, with file and line of the ``include``, for an
    absolute name that is not mapped, one that leads out of the folder (by ``..`` or a link) or is not there, and for more
    than 15 files within each other, 4096 files or 16 MiB in all.

    >>> _ = (folder / "admins.nft").write_text("define admins = 10.0.9.0/24\n")
    >>> script = Rendered('include "admins.nft"\n', ("policies/edge.nft:1",), "policies/edge.nft")
    >>> expand(script, folder).sources
    ('policies/admins.nft:1',)
    """
    if "include" not in rendered.text:
        return rendered
    writer = _Writer()
    _Expansion(folder, includes, writer).add(rendered.text, rendered.sources, rendered.file, depth=0)
    return writer.rendered(rendered.file)


class _Writer:
    """Puts pieces of files together, and knows for each line where its first word was written."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._sources: list[str | None] = []
        self._began = False  # whether the last line has a word in it yet
        self._open = False  # whether the last line has no end yet
        self._size = 0

    def write(self, text: str, sources: Sequence[str | None]) -> None:
        """Add a text whose lines come from ``sources``, which may be fewer than they."""
        self._pieces.append(text)
        self._size += len(text)
        lines = text.split("\n")
        for place, line in enumerate(lines):
            ended = place < len(lines) - 1
            if not (line or ended):
                break
            source = sources[place] if place < len(sources) else None
            if not self._open:
                self._sources.append(source)
                self._began = False
            elif not self._began:
                self._sources[-1] = source
            self._began = self._began or bool(line.strip())
            self._open = not ended

    def begin_line(self) -> None:
        """End the last line if it has words, since what follows was written elsewhere."""
        if self._open and self._began:
            self._pieces.append("\n")
            self._open = False

    def is_full(self) -> bool:
        """Whether there is more text than a ruleset may have."""
        return self._size > MAX_CHARACTERS

    def rendered(self, file: str) -> Rendered:
        """All that was written."""
        return Rendered("".join(self._pieces), tuple(self._sources), file)


class _Expansion:
    """One script and what it includes."""

    def __init__(self, folder: Path | None, includes: Includes, writer: _Writer) -> None:
        self._folder = None if folder is None else folder.absolute()
        self._includes = includes
        self._writer = writer
        self._files = 0

    def add(self, text: str, sources: Sequence[str | None], file: str, *, depth: int) -> None:
        """Write a file's text, with those of its includes in their places."""
        starts = [0, *(found.end() for found in re.finditer("\n", text))]
        done = 0
        for start, end, name in included(text):
            first, last = (bisect_right(starts, place) - 1 for place in (done, start))
            if done < start:
                self._writer.write(text[done:start], sources[first:])
                if not text[done:start].isspace():  # then it ends a statement; blanks alone may stand behind an open one
                    self._writer.begin_line()
            source = sources[last] if last < len(sources) else None
            where = where_of(source, file)
            if name is None:
                what, mend = "this `include` is not complete", 'write `include "FILE"` and end the line'
                raise InputError(Problem(what, where, mend))
            self._include(name, where, depth + 1)
            done = end
        if done < len(text):
            self._writer.write(text[done:], sources[bisect_right(starts, done) - 1:])
        if self._writer.is_full():
            what = f"the script with its includes is larger than {MAX_CHARACTERS // 2**20} MiB"
            raise InputError(Problem(what, Where(file), "split it"))

    def _include(self, name: str, where: Where, depth: int) -> None:
        if depth > MAX_DEPTH:
            what = f'`include "{name}"` is nested deeper than {MAX_DEPTH} files: does a file include itself?'
            raise InputError(Problem(what, where, "take one of them out"))
        folder, relative = self._place(name, where)
        for path in _found(folder, relative, name, where):
            self._files += 1
            if self._files > MAX_FILES:
                raise InputError(Problem(f"the script includes more than {MAX_FILES} files", where, "put them together"))
            shown = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            text = _read(path, where, name, folder)
            _check_end(text, shown)
            sources = [f"{shown}:{line}" for line in range(1, text.count("\n") + 2)]
            self.add(text, sources, shown, depth=depth)

    def _place(self, name: str, where: Where) -> tuple[Path, PurePosixPath | None]:
        """The folder that an include is read from, and its name there; None where nothing lies by that name."""
        path = PurePosixPath(name)
        if ".." in path.parts:
            raise _refused(name, where, "names a file outside the policy's folder")
        if not path.is_absolute():
            if self._folder is None:
                raise _refused(name, where, "names a file of a folder, and this text lies in none")
            return self._folder, path
        mapped = self._includes.mapped
        above = next((above for above in (path, *path.parents) if above in mapped), None)
        if above is None:
            told = path if not _WILD.search(path.name) and path.parent == PurePosixPath("/") else path.parent
            what = f'`include "{name}"` names a file of the host'
            raise InputError(Problem(what, where, _MAP % told))
        here = mapped[above]
        return self._includes.folder.absolute(), None if here is None else here / path.relative_to(above)


def _found(folder: Path, relative: PurePosixPath | None, name: str, where: Where) -> list[Path]:
    """The files that an include's name means, in nft's order."""
    if relative is None:
        return []
    if not _WILD.search(str(relative)):
        path = folder / relative
        _check_inside(path, folder, name, where)
        if not path.exists():
            raise InputError(Problem(f"`include \"{name}\"`: there is no such file in the policy's folder", where, _MEND))
        return [] if path.is_dir() else [path]
    if sum(bool(_WILD.search(part)) for part in relative.parts) > MAX_WILD:  # links to a folder above make each one dearer
        raise _refused(name, where, f"has wildcards in more than {MAX_WILD} parts of the path")
    # Path.glob would not hide names that begin with a dot.
    matched = sorted(glob.glob(str(relative), root_dir=folder), key=os.fsencode)  # noqa: PTH207
    paths = [folder / match for match in matched]
    for path in paths:
        _check_inside(path, folder, name, where)
    return [path for path in paths if not path.is_dir()]


def _check_inside(path: Path, folder: Path, name: str, where: Where) -> None:
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, a name with a zero byte
        inside = False
    if not inside:
        raise _refused(name, where, "leads out of the policy's folder by a link")


def included(text: str) -> Iterator[tuple[int, int, str | None]]:
    """Start, end and name of each include statement; its end is behind the separator that nft reads before the file.

    The name is None for a statement that nft would not take for a complete include.
    """
    place = 0
    begun = -1  # where the include begins that is under way
    name: str | None = None
    other = False  # whether another statement is under way
    for token in TOKEN.findall(text):
        end = place + len(token)
        if token in ("\n", ";", "{", "}"):
            if begun >= 0:
                yield begun, end, name if token in ("\n", ";") else None
            begun, name, other = -1, None, False
        elif token[0] == "#" or token == "\\\n" or other or token.isspace():
            pass
        elif begun < 0:
            if token.strip() == "include":
                begun = place + token.index("include")
            elif token.split(None, 1)[0] == "include":
                yield place, end, None
            else:
                other = True
        elif token[0] == '"' and len(token) > 1 and name is None:
            name = token[1:-1]
        else:
            yield begun, end, None
        place = end
    if begun >= 0:
        yield begun, place, None


def _read(path: Path, where: Where, name: str, folder: Path) -> str:
    try:
        return read_file(path, MAX_CHARACTERS, within=folder).decode()
    except Unfit as error:
        raise InputError(Problem(f'`include "{name}"`: {path.name} {error}', where, _MEND)) from None
    except OSError as error:
        what = f'`include "{name}"`: {path.name} cannot be read ({error.strerror})'
        raise InputError(Problem(what, where, "correct its name or its permissions")) from None
    except UnicodeDecodeError as error:
        what = f'`include "{name}"`: {path.name} is not UTF-8 ({error.reason} at byte {error.start})'
        raise InputError(Problem(what, where, "save it as UTF-8")) from None


def _check_end(text: str, shown: str) -> None:
    """Refuse a file whose last line would swallow what follows it here; nft refuses it too."""
    last = text.rpartition("\n")[2]
    tokens = TOKEN.findall(last)
    if last.endswith("\\") or (tokens and tokens[-1][0] == "#"):
        what, mend = "the file's last line has no end, which nft refuses", "end it with a newline"
    elif text.count('"') % 2 and '"' in TOKEN.findall(text):
        what, mend = "the file has a quote that is never closed", "close it"
    else:
        return
    raise InputError(Problem(what, Where(shown, text.count("\n") + 1), mend))


def _refused(name: str, where: Where, why: str) -> InputError:
    return InputError(Problem(f'`include "{name}"` {why}', where, _MEND))
