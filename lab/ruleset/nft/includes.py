"""The includes of an nft script, expanded as nft expands them, from the policy's own folder alone.

nft puts a file's text in place of its ``include``, which may stand wherever a statement may.  A name with wildcards may
match nothing, hides files that begin with a dot, and takes the others in the order of their bytes; a folder includes
nothing.  Names are relative to the policy's folder, with ``./`` before them or not, in files that are included too.
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

MAX_DEPTH = 15  # nft reads 16 files within each other, the script among them
MAX_FILES = 4096
MAX_WILD = 3
_MEND = "include files of the policy's folder, by names relative to it; or take the line out, where it means no file"
_WILD = re.compile(r"[*?\[]")


def expand(rendered: Rendered, folder: Path) -> Rendered:
    r"""The script with the files that it includes; each line knows the file and line that it was written in.

    ``folder`` is the policy's; sources are told relative to the folder above it, as `render` does.  Raises InputError,
    with file and line of the ``include``, for a name that is absolute, leads out of the folder (by ``..`` or a link) or
    is not there, and for more than 15 files within each other, 4096 files or 16 MiB in all.

    >>> _ = (folder / "admins.nft").write_text("define admins = 10.0.9.0/24\n")
    >>> script = Rendered('include "admins.nft"\n', ("policies/edge.nft:1",), "policies/edge.nft")
    >>> expand(script, folder).sources
    ('policies/admins.nft:1',)
    """
    if "include" not in rendered.text:
        return rendered
    writer = _Writer()
    _Expansion(folder, writer).add(rendered.text, rendered.sources, rendered.file, depth=0)
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

    def __init__(self, folder: Path, writer: _Writer) -> None:
        self._folder = folder.absolute()
        self._real_folder = folder.resolve()
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
        for path in self._found(name, where):
            self._files += 1
            if self._files > MAX_FILES:
                raise InputError(Problem(f"the script includes more than {MAX_FILES} files", where, "put them together"))
            shown = f"{self._folder.name}/{path.relative_to(self._folder).as_posix()}"
            text = _read(path, where, name, self._folder)
            _check_end(text, shown)
            sources = [f"{shown}:{line}" for line in range(1, text.count("\n") + 2)]
            self.add(text, sources, shown, depth=depth)

    def _found(self, name: str, where: Where) -> list[Path]:
        """The files that an include's name means, in nft's order."""
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise _refused(name, where, "names a file outside the policy's folder")
        if not _WILD.search(name):
            path = self._folder / relative
            self._check_inside(path, name, where)
            if not path.exists():
                raise InputError(Problem(f"`include \"{name}\"`: there is no such file in the policy's folder", where, _MEND))
            return [] if path.is_dir() else [path]
        if sum(bool(_WILD.search(part)) for part in relative.parts) > MAX_WILD:  # links to a folder above make each one dearer
            raise _refused(name, where, f"has wildcards in more than {MAX_WILD} parts of the path")
        # Path.glob would not hide names that begin with a dot.
        matched = sorted(glob.glob(str(relative), root_dir=self._folder), key=os.fsencode)  # noqa: PTH207
        paths = [self._folder / match for match in matched]
        for path in paths:
            self._check_inside(path, name, where)
        return [path for path in paths if not path.is_dir()]

    def _check_inside(self, path: Path, name: str, where: Where) -> None:
        try:
            inside = path.resolve().is_relative_to(self._real_folder)
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
