"""YAML 1.2 with the line and column of everything, read so that no other YAML reader would read it differently.

Plain scalars that YAML 1.1 or 1.2 takes for a boolean, a float, a date or a base-60 number are errors that say to quote
them; so are duplicate keys, tags, merge keys, and a second document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import EllipsisType
from typing import Any, NamedTuple, Protocol

from lab.errors import InputError, Problem, Where
from lab.written.yaml_text import yaml_text

MAX_NODES = 300_000  # ten thousand rows, and what pydantic makes of in seconds
MAX_VALUES = 1_000_000  # where all is free
MAX_DEPTH = 64
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
MAX_EXACT = 256 * 1024  # what the parser in Python reads in seconds
MAX_PROBLEMS = 100
MAX_DIGITS = 100  # beyond every address, mark and counter; Python itself writes no number of more than 4,300

Free = Collection[str] | EllipsisType  # the top-level keys under which values are free; ... where all is
# libyaml refuses `[role:client]`, where YAML 1.2 has a plain colon: such colons pass it as a character of private use.
_PLAIN_COLON = re.compile(r"""(?<!["'\]}]):(?=[^\s,\[\]{}])""")
_STAND_INS = tuple(map(chr, range(0xE000, 0xE010)))

_FLOAT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$|[-+]?\.inf$|\.nan$")
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


class _Sent(NamedTuple):
    """A mark that can be sent to another process, as the parser's own cannot."""

    line: int
    column: int


def _sent(mark: Mark) -> _Sent:
    return _Sent(mark.line, mark.column)


class Map(dict[Any, Any]):
    """A mapping that knows the place of itself and of each key and value: ``marks[key] = (key's mark, value's mark)``."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: dict[Any, tuple[Mark, Mark]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        marks = {key: (_sent(of_key), _sent(of_value)) for key, (of_key, of_value) in self.marks.items()}
        return Map, (_sent(self.mark),), (None, {"marks": marks}), None, iter(self.items())


class Seq(list[Any]):
    """A list that knows the place of itself and of each item."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return Seq, (_sent(self.mark),), (None, {"marks": [_sent(mark) for mark in self.marks]}), iter(self)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain data (dict, list, str, int, float, bool, None), with the place of every part."""

    file: str
    data: Any
    mark: Mark = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Document, (self.file, self.data, _sent(self.mark))

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


def load_yaml(path: Path, *, free: Free = (), within: Path | None = None) -> Document:
    """Read a YAML file, which lies in the folder ``within``.

    Under the top-level keys ``free`` plain scalars are what YAML 1.2 makes of them.  Where all is ``free`` (the variables of
    templates) keys may be such too, mappings are merged by ``<<``, and a file may hold nothing: its data is None.
    Raises InputError with every odd scalar and duplicate key, or with the one thing that ended the reading.
    """
    return read_yaml(yaml_text(path, within), str(path), free=free)


def read_yaml(text: str, file: str, *, free: Free = ()) -> Document:
    """The same from text; ``file`` is what messages call it."""
    if control := _CONTROL.search(text):
        line, column = text.count("\n", 0, control.start()) + 1, control.start() - text.rfind("\n", 0, control.start())
        what = f"the control character 0x{ord(control[0]):02x} cannot stand in YAML"
        raise InputError(Problem(what, Where(file, line, column), "take it out"))
    try:
        stand_in = next((one for one in _STAND_INS if one not in text), ":")
        return _composed(_Composer(file, free, stand_in=stand_in), _fast_events(_PLAIN_COLON.sub(stand_in, text), file))
    except _Syntax:
        # The parser in Python has the last word: it knows YAML 1.2 better, and tells more.
        if len(text) > MAX_EXACT:
            raise
        return _composed(_Composer(file, free), _exact_events(text, file))


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


def _fast_events(text: str, file: str) -> Iterator[Any]:
    """The events of libyaml where it is installed: 0.02 s for 1,000 rows."""
    try:
        from _ruamel_yaml import CParser
    except ImportError:
        yield from _exact_events(text, file)
        return
    parser = CParser(text)
    while parser.check_event():
        yield parser.get_event()


def _exact_events(text: str, file: str) -> Iterator[Any]:
    """The events of ruamel.yaml's parser in Python."""
    from ruamel.yaml import YAML

    if len(text) > MAX_EXACT:
        what = f"larger than {MAX_EXACT // 1024} KiB, which takes minutes without libyaml"
        raise InputError(Problem(what, Where(file), "install ruamel.yaml.clib, or split the file"))
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

    def __init__(self, file: str, free: Free, *, stand_in: str | None = None) -> None:
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
            if name == "ScalarEvent":
                value = self.scalar(event, stack)
                self.count(1, mark)
                if event.anchor is not None:
                    self.anchors[event.anchor] = (value, 1)
            elif name in ("MappingEndEvent", "SequenceEndEvent"):
                done = stack.pop()
                if done.merged and isinstance(done.value, Map):
                    written = dict(done.value)
                    done.value.clear()
                    done.value.update({**done.merged, **written})
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
        if self.free is ... and (result is None or result[0] is None):
            return None, _Start()
        if result is None or result[0] is None:
            raise InputError(Problem("the file is empty", Where(self.file, 1)))
        return result

    def tell(self, problem: Problem) -> None:
        """One more thing that is wrong; a hundred of them end the reading."""
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise InputError((*self.problems, Problem("more is wrong; only this much is told", Where(self.file))))

    def count(self, nodes: int, mark: Mark) -> None:
        """Count what the data holds with every alias written out: a YAML bomb ends here."""
        self.nodes += nodes
        most = MAX_VALUES if self.free is ... else MAX_NODES
        if self.nodes > most:
            raise self.fail(f"more than {most:,} values, aliases written out", mark)

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
        if _INTEGER.match(text) or _HEX.match(text):
            self.check_digits(text, event.start_mark)
            return int(text, 16 if text[1:2] == "x" else 10)
        taken_for = next((kind for pattern, kind in _ODD_NUMBERS if pattern.match(text)), None)
        if taken_for is None:
            return text
        self.check_digits(text, event.start_mark)
        return self.odd(text, taken_for, event.start_mark, stack)

    def check_digits(self, text: str, mark: Mark) -> None:
        if len(text) > MAX_DIGITS:
            what = f"{text[:12]}… is a number of {len(text):,} digits"
            raise self.fail(what, mark, "quote it, if it is text")

    def odd(self, text: str, taken_for: str, mark: Mark, stack: list[_Open]) -> Any:
        if self.free is ...:
            return _core_number(text.replace("_", ""), text)  # YAML 1.1 and its readers put them into numbers
        if stack and stack[0].key in self.free:
            return _core_number(text, text)
        what = f"{text} is {taken_for} to some YAML readers"
        is_key = bool(stack) and isinstance(stack[-1].value, Map) and stack[-1].key is _NO_KEY
        mend = f'quote it: "{text}"' + (", or write true or false" if text in _ODD_WORDS and not is_key else "")
        self.tell(Problem(what, self.where(mark), mend))
        return text

    def put(self, parent: _Open, value: Any, mark: Mark) -> None:
        holder = parent.value
        if isinstance(holder, Seq):
            holder.append(value)
            holder.marks.append(mark)
        elif parent.key is _NO_KEY:
            parent.key, parent.key_mark = self.checked_key(value, mark, holder), mark
        elif parent.key == "<<" and self.free is ...:
            self.merge(parent, value, mark)
            parent.key = _NO_KEY
        else:
            holder[parent.key] = value
            holder.marks[parent.key] = (parent.key_mark, mark)
            parent.key = _NO_KEY

    def merge(self, into: _Open, value: Any, mark: Mark) -> None:
        """What ``<<`` means: the keys of a mapping, or of the first of several, that are not written beside it."""
        for one in value if isinstance(value, Seq) else (value,):
            if not isinstance(one, Map):
                raise self.fail("a mapping, or a list of mappings, belongs behind <<", mark)
            into.merged = {**one, **into.merged}

    def checked_key(self, key: Any, mark: Mark, holder: Map) -> Any:
        if isinstance(key, (Map, Seq)):
            raise self.fail("a list or mapping cannot be a key", mark)
        if key == "<<" and self.free is not ...:
            raise self.fail("merge keys (<<) are not part of YAML 1.2", mark, "write the keys out")
        if not isinstance(key, str) and self.free is not ...:
            shown = "null" if key is None else str(key).lower()
            also = ", or the whole line, where it is one text" if type(key) is int else ""
            self.tell(Problem(f"the key {shown} is not a string", self.where(mark), f'quote it: "{shown}"{also}'))
            return shown
        if key in holder:
            first = holder.marks[key][0].line + 1
            what = f"the key {key!r} stands here a second time; the first is in line {first}"
            self.tell(Problem(what, self.where(mark), "leave one of them out"))
        return key


class _Start:
    """The beginning of a file."""

    line = column = 0


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
    merged: Mapping[Any, Any] = field(default_factory=dict)


def _core_number(number: str, text: str) -> object:
    """The number as YAML 1.2 reads it, an integer or a float; where it is none, the text."""
    digits = number.lstrip("+-")
    base = next((base for mark, base in (("0o", 8), ("0b", 2), ("0x", 16)) if digits.startswith(mark)), 10)
    try:
        return int(number, base)
    except ValueError:
        pass
    number = number.lower()
    return float(number.replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.match(number) else text
