"""Renders a policy's template, and finds for each line of the text where it was written.

It is done in a process of its own (`lab.prepare.templates`), which alone needs Jinja2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, UndefinedError

from lab.errors import InputError, Problem, Where
from lab.ruleset.marks import LineMarks, MarkBook, line_sources
from lab.ruleset.render import MAX_CHARACTERS, Rendered, as_it_is, line_count, read_text
from lab.ruleset.sandbox import Budget, NotText, PolicyEnvironment, TooMuch

_FLAGS = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline")
_DELIMITERS = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string",
)
_TOO_MANY_DIGITS = "Exceeds the limit"  # as Python begins to say it


def render(
    source: Path,
    variables: Mapping[str, object],
    jinja_options: Mapping[str, object],
    topology: Mapping[str, object],
    budget: Budget | None = None,
) -> Rendered:
    r"""The text of a policy's file: rendered when it ends in ``.j2``, as it is otherwise.

    ``jinja_options`` are Jinja2's own trim_blocks, lstrip_blocks, keep_trailing_newline (here true unless it is given:
    a ruleset ends in a newline) and its delimiters.  A variable called ``topology`` hides the topology.  Raises
    InputError for whatever is wrong with template, variables or options.

    >>> template = folder / "edge.rules.j2"
    >>> _ = template.write_text("{% for port in open %}\n-A INPUT -p tcp --dport {{ port }} -j ACCEPT\n{% endfor %}\n")
    >>> rendered = render(template, {"open": [22, 443]}, {"trim_blocks": True}, topology={})
    >>> rendered.text.split("\n")[1], rendered.source(2)
    ('-A INPUT -p tcp --dport 443 -j ACCEPT', 'policies/edge.rules.j2:2')
    """
    source = source.absolute()
    folder = source.parent
    file = f"{folder.name}/{source.name}"
    if source.suffix != ".j2":
        return as_it_is(source, folder)
    budget = budget or Budget()
    options = {"keep_trailing_newline": True, **_checked(jinja_options, file)}
    context = {"topology": topology, **variables}
    loader = _FolderLoader(folder)
    text = _rendered(loader, options, budget, source.name, context)
    places = _places(PolicyEnvironment(loader, options, budget, [LineMarks]), source.name, context, text)
    sources = tuple(None if place is None else f"{folder.name}/{place[0]}:{place[1]}" for place in places)
    return Rendered(text, sources[: line_count(text)], file)


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
        try:
            inside = path.resolve().is_relative_to(self._real_folder)
            there = inside and path.is_file()
        except (OSError, RuntimeError, ValueError):  # a link to itself, a name with a zero byte
            inside = there = False
        if not inside:
            raise TemplateNotFound(template, f"the template {template!r} is outside the policy's folder")
        if not there:
            raise TemplateNotFound(template, f"there is no template {template!r} in the policy's folder")
        text = read_text(path, self.shown(str(path)), within=self.folder)
        return text.replace("\r\n", "\n").replace("\r", "\n"), str(path), None

    def shown(self, filename: str) -> str:
        """The path of a template of this folder, as the user is told it."""
        return Path(filename).relative_to(self.folder.parent).as_posix()


def _rendered(
    loader: _FolderLoader, options: Mapping[str, object], budget: Budget, name: str, context: Mapping[str, object]
) -> str:
    try:
        return _generated(PolicyEnvironment(loader, options, budget), name, context, MAX_CHARACTERS)
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
    elif isinstance(error, NotText):
        what, mend = said, "name one of its values, or put them together: {{ NAME | join(',') }}"
    elif isinstance(error, ValueError) and said.startswith(_TOO_MANY_DIGITS):
        what, mend = "the template reads or writes a number of more than 4,300 digits", "make it smaller"
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
