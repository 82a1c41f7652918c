"""YAML 1.2 with the line and column of everything, read so that no other YAML reader would read it differently.

Plain scalars that YAML 1.1 or 1.2 takes for a boolean, a float, a date or a base-60 number are errors that say to quote
them; so are duplicate keys, tags, merge keys, and a second document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lab.errors import InputError, Problem, Where

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 1_000_000
MAX_DEPTH = 64
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_READ_TWICE = 256 * 1024

# libyaml refuses `[role:client]`, where YAML 1.2 has a plain colon: such colons pass it as a character of private use.
_PLAIN_COLON = re.compile(r"""(?<!["'\]}]):(?=[^\s,\[\]{}])""")
_STAND_IN = "\ue000"

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_HEX = re.compile(r"0x[0-9a-fA-F]+$")
_NUMERIC = re.compile(r"[-+.0-9]")
# What a reader of YAML 1.1 or 1.2 takes for something else than a string, and what it takes it for.
_ODD_WORDS = {
    word: "a boolean" for plain in ("yes", "no", "on", "off", "y", "n") for word in (plain, plain.upper(), plain.title())
}
_ODD_NUMBERS = (
    (re.compile(r"[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?$"), "a number of base 60"),
    (re.compile(r"\d{4}-\d\d?-\d\d?(?:(?:[Tt]|\s+).*)?$"), "a date"),
    (re.compile(r"[-+]?(?:\d[\d_]*)?\.[\d_]*(?:[eE][-+]?\d+)?$|[-+]?\d[\d_]*(?:\.\d*)?[eE][-+]?\d+$"), "a float"),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"), "a float"),
    (re.compile(r"[-+]?0o?[0-7_]+$|[-+]?0b[01_]+$|[-+]?0x[\da-fA-F_]+$|[-+]?\d[\d_]*$"), "a number"),
)


class Mark(Protocol):
    """Where an event of the YAML parser begins; both count from 0."""

    line: int
    column: int


class Map(dict[Any, Any]):
    """A mapping that knows the place of itself and of each key and value: ``marks[key] = (key's mark, value's mark)``."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: dict[Any, tuple[Mark, Mark]] = {}


class Seq(list[Any]):
    """A list that knows the place of itself and of each item."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain data (dict, list, str, int, float, bool, None), with the place of every part."""

    file: str
    data: Any
    mark: Mark = field(repr=False)

    def where(self, *path: str | int, key: bool = False) -> Where:
        """The place of the part at the path, as far as it leads; with ``key`` that of its key instead of its value."""
        node, mark = self.data, self.mark
        for step in path:
            if isinstance(node, Map) and step in node.marks:
                key_mark, value_mark = node.marks[step]
                mark = key_mark if key or node[step] is None else value_mark
                node = node[step]
            elif isinstance(node, Seq) and isinstance(step, int) and step < len(node):
                mark = node.marks[step]
                node = node[step]
            # A step that leads nowhere is pydantic's name for a branch of a union: the rest may still lead on.
        return Where(self.file, mark.line + 1, mark.column + 1)


def load_yaml(path: Path, *, free: Collection[str] = ()) -> Document:
    """Read a YAML file.  Under the top-level keys ``free``, plain scalars are what YAML 1.2 makes of them.

    Raises InputError with every odd scalar and duplicate key, or with the one thing that ended the reading.
    """
    return read_yaml(_text(path), str(path), free=free)


def read_yaml(text: str, file: str, *, free: Collection[str] = ()) -> Document:
    """The same from text; ``file`` is what messages call it."""
    if control := _CONTROL.search(text):
        line, column = text.count("\n", 0, control.start()) + 1, control.start() - text.rfind("\n", 0, control.start())
        what = f"the control character 0x{ord(control[0]):02x} cannot stand in YAML"
        raise InputError(Problem(what, Where(file, line, column), "take it out"))
    try:
        if _STAND_IN in text:
            return _composed(_Composer(file, frozenset(free)), _exact_events(text))
        return _composed(_Composer(file, frozenset(free), stand_in=_STAND_IN), _fast_events(text))
    except _Syntax:
        # The parser in Python has the last word: it knows YAML 1.2 better, and tells more.
        if len(text) > _READ_TWICE:
            raise
        return _composed(_Composer(file, frozenset(free)), _exact_events(text))


class _Syntax(InputError):
    """A parser gave up."""


def _composed(composer: _Composer, events: Iterator[Any]) -> Document:
    try:
        data, mark = composer.compose(events)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - the parsers have no class of errors in common
        raise _Syntax(_syntax(error, composer.file)) from None
    if composer.problems:
        raise InputError(composer.problems)
    return Document(composer.file, data, mark)


def _text(path: Path) -> str:
    file = str(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(Problem("this is not an ordinary file", Where(file)))
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise InputError(Problem("this is a directory where a YAML file belongs", Where(file))) from None
    except FileNotFoundError:
        raise InputError(Problem("there is no such file", Where(file))) from None
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", Where(file))) from None
    if len(raw) > MAX_BYTES:
        raise InputError(Problem(f"larger than {MAX_BYTES // 1024 // 1024} MiB, which no matrix or topology is", Where(file)))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        what = f"not UTF-8: byte 0x{raw[error.start]:02x} cannot stand here"
        raise InputError(Problem(what, Where(file, line, column), "save the file in UTF-8")) from None


def _fast_events(text: str) -> Iterator[Any]:
    """The events of libyaml where it is installed (0.02 s for 1,000 rows), with stand-ins for plain colons."""
    try:
        from _ruamel_yaml import CParser
    except ImportError:
        yield from _exact_events(text)
        return
    parser = CParser(_PLAIN_COLON.sub(_STAND_IN, text))
    while parser.check_event():
        yield parser.get_event()


def _exact_events(text: str) -> Iterator[Any]:
    """The events of ruamel.yaml's parser in Python."""
    from ruamel.yaml import YAML

    yield from YAML(typ="safe", pure=True).parse(text)


def _syntax(error: Exception, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).strip().splitlines()[0]
    if "\\t" in what or "'\t'" in what or "tab" in what:
        return Problem("a tab stands here; YAML is indented with spaces", where, "replace the tabs with spaces")
    context = getattr(error, "context", None)
    return Problem(f"not YAML: {what}" + (f" ({context})" if context else ""), where)


class _Composer:
    """Builds the data from the parser's events with a stack of its own, so that no nesting can end in a traceback."""

    def __init__(self, file: str, free: frozenset[str], *, stand_in: str | None = None) -> None:
        self.stand_in = stand_in
        self.file = file
        self.free = free
        self.problems: list[Problem] = []
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int]] = {}

    def where(self, mark: Mark) -> Where:
        return Where(self.file, mark.line + 1, mark.column + 1)

    def fail(self, what: str, mark: Mark | None, mend: str = "") -> InputError:
        return InputError((*self.problems, Problem(what, self.where(mark) if mark else Where(self.file), mend)))

    def compose(self, events: Iterator[Any]) -> tuple[Any, Mark]:  # noqa: C901 - one turn for each kind of event
        """The one document's data and its mark; raises InputError for what ends the reading."""
        stack: list[_Open] = []
        result: tuple[Any, Mark] | None = None
        for event in events:
            name = type(event).__name__
            mark = event.start_mark
            if name in ("MappingEndEvent", "SequenceEndEvent"):
                done = stack.pop()
                if done.anchor is not None:
                    self.anchors[done.anchor] = (done.value, self.nodes - done.count)
                value, mark = done.value, done.mark
            elif name in ("MappingStartEvent", "SequenceStartEvent"):
                self.refuse_tag(event)
                opened = _Open(Map(mark) if name[0] == "M" else Seq(mark), mark, event.anchor, self.nodes)
                stack.append(opened)
                if len(stack) > MAX_DEPTH:
                    raise self.fail(f"nested deeper than {MAX_DEPTH} levels", mark)
                self.count(1, mark)
                continue
            elif name == "ScalarEvent":
                value = self.scalar(event, stack)
                self.count(1, mark)
                if event.anchor is not None:
                    self.anchors[event.anchor] = (value, 1)
            elif name == "AliasEvent":
                if event.anchor not in self.anchors:
                    raise self.fail(f"*{event.anchor} stands for nothing that is written above it", mark)
                value, size = self.anchors[event.anchor]
                self.count(size, mark)
            elif name == "DocumentStartEvent" and result is not None:
                raise self.fail("a second document begins here", mark, "one file holds one matrix or topology")
            else:
                continue
            if stack:
                self.put(stack[-1], value, mark)
            else:
                result = (value, mark)
        if result is None or result[0] is None:
            raise InputError(Problem("the file is empty", Where(self.file, 1)))
        return result

    def count(self, nodes: int, mark: Mark) -> None:
        """Count what the data holds with every alias written out: a YAML bomb ends here."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.fail(f"more than {MAX_NODES:,} values, aliases written out", mark)

    def refuse_tag(self, event: Any) -> None:
        tag = getattr(event, "ctag", None) or getattr(event, "tag", None)
        if tag is not None and str(tag) not in ("!", "None"):
            raise self.fail(f"the tag {tag} has no meaning here", event.start_mark, "leave it out")

    def scalar(self, event: Any, stack: list[_Open]) -> Any:
        self.refuse_tag(event)
        text: str = event.value
        if self.stand_in is not None and self.stand_in in text:
            text = text.replace(self.stand_in, ":")
        if not event.implicit[0]:  # quoted, or a block scalar
            return text
        first = text[:1]
        if first.isalpha():
            if text in _ODD_WORDS:
                return self.odd(text, _ODD_WORDS[text], event.start_mark, stack)
            return _CORE_WORDS.get(text, text)
        if not text or text == "~":
            return None
        if not _NUMERIC.match(first):
            return text
        if _INTEGER.match(text):
            return int(text)
        if _HEX.match(text):
            return int(text, 16)
        taken_for = next((kind for pattern, kind in _ODD_NUMBERS if pattern.match(text)), None)
        return text if taken_for is None else self.odd(text, taken_for, event.start_mark, stack)

    def odd(self, text: str, taken_for: str, mark: Mark, stack: list[_Open]) -> Any:
        if stack and stack[0].key in self.free:
            return _core_number(text)
        what = f"{text} is {taken_for} to some YAML readers"
        is_key = bool(stack) and isinstance(stack[-1].value, Map) and stack[-1].key is _NO_KEY
        mend = f'quote it: "{text}"' + (", or write true or false" if text in _ODD_WORDS and not is_key else "")
        self.problems.append(Problem(what, self.where(mark), mend))
        return text

    def put(self, parent: _Open, value: Any, mark: Mark) -> None:
        holder = parent.value
        if isinstance(holder, Seq):
            holder.append(value)
            holder.marks.append(mark)
        elif parent.key is _NO_KEY:
            parent.key, parent.key_mark = self.checked_key(value, mark, holder), mark
        else:
            holder[parent.key] = value
            holder.marks[parent.key] = (parent.key_mark, mark)
            parent.key = _NO_KEY

    def checked_key(self, key: Any, mark: Mark, holder: Map) -> Any:
        if isinstance(key, (Map, Seq)):
            raise self.fail("a list or mapping cannot be a key", mark)
        if key == "<<":
            raise self.fail("merge keys (<<) are not part of YAML 1.2", mark, "write the keys out")
        if not isinstance(key, str):
            shown = "null" if key is None else str(key).lower()
            self.problems.append(Problem(f"the key {shown} is not a string", self.where(mark), f'quote it: "{shown}"'))
            return shown
        if key in holder:
            first = holder.marks[key][0].line + 1
            what = f"the key {key!r} stands here a second time; the first is in line {first}"
            self.problems.append(Problem(what, self.where(mark), "leave one of them out"))
        return key


class _NoKey:
    """What stands for no key: None is a key that YAML can write."""


_NO_KEY = _NoKey()
_CORE_WORDS: dict[str, object] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL"), None),
}


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read; ``count`` is how many nodes stood before it."""

    value: Map | Seq
    mark: Mark
    anchor: str | None
    count: int
    key: Any = _NO_KEY
    key_mark: Any = None


def _core_number(text: str) -> object:
    """The text as YAML 1.2 reads it: a float where it is one, else itself."""
    try:
        return float(text) if "_" not in text else text
    except ValueError:
        return text
