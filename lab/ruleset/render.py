"""Renders a policy's template to the text that is loaded, and keeps where each line was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, UndefinedError

from lab.errors import InputError, Problem, Where
from lab.ruleset.digest import digest
from lab.ruleset.marks import LineMarks, MarkBook, line_sources
from lab.ruleset.sandbox import MAX_CHARACTERS, Budget, PolicyEnvironment, TooMuch

_FLAGS = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline")
_DELIMITERS = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string",
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A ruleset's text as it is loaded.

    ``sources[i]`` is where line i+1 was written, ``policies/edge.rules.j2:42``, or None where that is not known;
    ``file`` is the template itself.  Paths are relative to the folder above the policy's.
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
    """The place that a line's source (``policies/edge.rules.j2:42``) tells; the file alone where it has none."""
    if source is None:
        return Where(file)
    name, _, line = source.rpartition(":")
    return Where(name, int(line))


def render(
    source: Path, variables: Mapping[str, object], jinja_options: Mapping[str, object], topology: Mapping[str, object]
) -> Rendered:
    """The text of a policy's file: rendered when it ends in ``.j2``, as it is otherwise.

    ``jinja_options`` are Jinja2's own trim_blocks, lstrip_blocks, keep_trailing_newline (here true unless it is given:
    a ruleset ends in a newline) and its delimiters.  A variable called ``topology`` hides the topology.  Raises
    InputError for whatever is wrong with template, variables or options.
    """
    source = source.absolute()
    folder = source.parent
    file = f"{folder.name}/{source.name}"
    if source.suffix != ".j2":
        text = _read(source, file)
        return Rendered(text, tuple(f"{file}:{line}" for line in range(1, _line_count(text) + 1)), file)
    options = {"keep_trailing_newline": True, **_checked(jinja_options, file)}
    context = {"topology": topology, **variables}
    loader = _FolderLoader(folder)
    text = _rendered(loader, options, source.name, context)
    places = _places(PolicyEnvironment(loader, options, Budget(), [LineMarks]), source.name, context, text)
    sources = tuple(None if place is None else f"{folder.name}/{place[0]}:{place[1]}" for place in places)
    return Rendered(text, sources[: _line_count(text)], file)


def _line_count(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and text != "")


def _checked(options: Mapping[str, object], file: str) -> dict[str, object]:
    problems = []
    for name, value in options.items():
        if name in _FLAGS:
            wanted = None if isinstance(value, bool) else "true or false"
        elif name in _DELIMITERS:
            wanted = None if isinstance(value, str) and value.strip() else "a string that is not empty"
        else:
            wanted = f"one of {', '.join(_FLAGS + _DELIMITERS)}, as the name of an option"
        if wanted is not None:
            what = f"the Jinja2 option `{name}: {value}` is not possible"
            problems.append(Problem(what, Where(file), f"use {wanted}"))
    if problems:
        raise InputError(problems)
    return dict(options)


class _FolderLoader(BaseLoader):
    """Templates of one folder and of those below it; no link and no ``..`` leads out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._real_folder = folder.resolve()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:  # noqa: ARG002
        """The text of a template by its name relative to the folder, and its path."""
        path = self.folder / template
        if not path.resolve().is_relative_to(self._real_folder):
            raise TemplateNotFound(template, f"the template {template!r} is outside the policy's folder")
        if not path.is_file():
            raise TemplateNotFound(template, f"there is no template {template!r} in the policy's folder")
        return _read(path, self.shown(str(path)), newline=None), str(path), None

    def shown(self, filename: str) -> str:
        """The path of a template of this folder, as the user is told it."""
        return Path(filename).relative_to(self.folder.parent).as_posix()


def _read(path: Path, file: str, *, newline: str | None = "") -> str:
    """The file's text; ``newline`` as in `open`: by default each line keeps its end."""
    try:
        with path.open(encoding="utf-8", newline=newline) as opened:
            text = opened.read(MAX_CHARACTERS + 1)
    except OSError as error:
        what = f"the policy cannot be read ({error.strerror})"
        raise InputError(Problem(what, Where(file), "correct its name")) from None
    except UnicodeDecodeError as error:
        what = f"the policy is not UTF-8 ({error.reason} at byte {error.start})"
        raise InputError(Problem(what, Where(file), "save it as UTF-8")) from None
    if len(text) > MAX_CHARACTERS:
        raise InputError(Problem(f"the policy is larger than {MAX_CHARACTERS // 2**20} MiB", Where(file), "split it"))
    return text


def _rendered(loader: _FolderLoader, options: Mapping[str, object], name: str, context: Mapping[str, object]) -> str:
    try:
        return _generated(PolicyEnvironment(loader, options, Budget()), name, context, MAX_CHARACTERS)
    except InputError:
        raise
    except AssertionError as error:  # Jinja2's own check of its options
        where = Where(loader.shown(str(loader.folder / name)))
        mend = "correct the delimiters in the policy's `jinja`"
        raise InputError(Problem(f"these Jinja2 options are not possible: {error}", where, mend)) from None
    except Exception as error:  # noqa: BLE001 - a template can raise whatever Python can
        raise InputError(_problem(error, loader, loader.folder / name)) from None


def _generated(environment: PolicyEnvironment, name: str, context: Mapping[str, object], limit: int) -> str:
    chunks = []
    size = 0
    for chunk in environment.get_template(name).generate(context):
        size += len(chunk)
        if size > limit:
            raise TooMuch(f"the template writes more than {limit // 2**20} MiB")
        environment.budget.spend(0)
        chunks.append(chunk)
    return "".join(chunks)


def _places(
    environment: PolicyEnvironment, name: str, context: Mapping[str, object], text: str
) -> tuple[tuple[str, int] | None, ...]:
    book: MarkBook = environment.mark_book  # type: ignore[attr-defined]
    try:
        marked = _generated(environment, name, context, 8 * MAX_CHARACTERS)
    except Exception:  # noqa: BLE001 - the text is rendered; without its marks it has no sources, and is as right
        return (None,) * (text.count("\n") + 1)
    return line_sources(text, marked, book)


def _problem(error: Exception, loader: _FolderLoader, main: Path) -> Problem:
    """What went wrong in a template, and in which of its lines."""
    file, line = _place_of(error, loader, main)
    where = Where(loader.shown(file), line)
    said = getattr(error, "message", None) or str(error)
    if isinstance(error, TemplateSyntaxError):
        what, mend = f"the template is not Jinja2: {said}", "mend the template, or the policy's `jinja` options"
    elif isinstance(error, UndefinedError):
        name = re.match(r"'([^']+)' is undefined", said)
        what = f"the template uses a variable that is not given: {said}"
        mend = "give it in the policy's `vars`" + (f", as in `{name[1]}: VALUE`" if name else "")
    elif isinstance(error, TemplateNotFound):
        what, mend = said, "a policy includes and imports from its own folder alone"
    elif isinstance(error, (TooMuch, OverflowError, MemoryError)):
        what, mend = said or "the template needs too much memory", "make its loops and values smaller"
    elif isinstance(error, (RecursionError, SyntaxError)):  # Python allows 20 blocks within each other
        what, mend = "the template nests too deep, or calls itself without end", "end its recursion"
    else:
        what, mend = f"the template fails: {said} ({type(error).__name__})", "mend the template or its variables"
    return Problem(what, where, mend)


def _place_of(error: Exception, loader: _FolderLoader, main: Path) -> tuple[str, int | None]:
    if isinstance(error, TemplateSyntaxError) and error.filename:
        return error.filename, error.lineno
    place: tuple[str, int | None] = (str(main), None)
    step: TracebackType | None = error.__traceback__
    while step is not None:
        filename = step.tb_frame.f_code.co_filename
        if Path(filename).is_relative_to(loader.folder):
            place = (filename, step.tb_lineno)
        step = step.tb_next
    return place
