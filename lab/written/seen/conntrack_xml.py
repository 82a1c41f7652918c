"""What ``conntrack -L -o xml`` prints, read element by element: a document type, and so every entity of its own, is refused."""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat

from lab.errors import InputError, Problem, Where
from lab.written.seen.conntrack_text import entry_of
from lab.written.seen.live import Entry, Line, number_in

_DEEPEST = 8
_LONGEST = 64  # characters of a value: an address has 45
_TUPLES = ("original", "reply")
_VALUES = ("src", "dst", "sport", "dport", "type", "code", "zone")
_FACTS = ("timeout", "state", "mark", "zone", "helper", "label")
_ALONE = ("unreplied", "assured", "offload")


def read_conntrack_xml(text: str, file: str) -> list[Entry]:
    """The entries of a table as XML; raises InputError with the line of what is wrong."""
    return [line.entry for line in read_xml_lines(text, file)]


def read_xml_lines(text: str, file: str) -> list[Line]:
    """The same with all that is told of each."""
    reader = _Reader(file)
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = lambda *_: reader.refuse("a document type has no place in what conntrack prints")
    parser.EntityDeclHandler = lambda *_: reader.refuse("an entity is declared, which conntrack never does")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    reader.line = lambda: parser.CurrentLineNumber
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 - it is the last of it
    except expat.ExpatError as error:
        what = f"this is no XML from here on: {expat.errors.messages[error.code]}"
        raise InputError(Problem(what, Where(file, error.lineno), "was it cut off? conntrack -L -o xml > FILE")) from None
    return reader.lines


class _Reader:
    """Collects entries while elements begin and end."""

    def __init__(self, file: str) -> None:
        self.lines: list[Line] = []
        self.line: Callable[[], int] = lambda: 1
        self._file = file
        self._path: list[str] = []
        self._text = ""
        self._proto: int | None = None
        self._tuples: dict[str, dict[str, str]] = {}
        self._direction = ""
        self._facts: dict[str, str] = {}

    def refuse(self, what: str) -> None:
        """Raise what is wrong, at the line that is being read."""
        mend = "give what `conntrack -L -o xml` printed"
        raise InputError(Problem(what, Where(self._file, self.line()), mend))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._path.append(name)
        self._text = ""
        if len(self._path) > _DEEPEST:
            self.refuse("this is deeper than what conntrack prints")
        if len(self._path) == 1 and name != "conntrack":
            self.refuse(f"this is no table of conntrack, but <{name[:_LONGEST]}>")
        if name == "flow":
            self._proto, self._tuples, self._facts = None, {}, {}
        elif name == "meta":
            self._direction = attributes.get("direction", "")
        elif name == "layer4" and self._direction == "original":
            try:
                self._proto = number_in(attributes.get("protonum", ""), 255)
            except ValueError as error:
                self.refuse(f"protonum: {error}")
        elif name in _ALONE:
            self._facts[name.upper()] = ""

    def characters(self, text: str) -> None:
        """Text stands in an element."""
        if self._path[-1] not in (*_VALUES, *_FACTS) and self._path[-1] != "id":
            return
        self._text += text
        if len(self._text) > _LONGEST:
            self.refuse(f"<{self._path[-1]}> is longer than any that conntrack prints")

    def end(self, name: str) -> None:
        """An element ends."""
        self._path.pop()
        if self._direction in _TUPLES and (name in _VALUES or (name == "id" and "layer4" in self._path)):
            self._tuples.setdefault(self._direction, {})[name] = self._text.strip()
        elif name in _FACTS:
            self._fact(name, self._text.strip())
        self._text = ""
        if name == "meta":
            self._direction = ""
        if name == "flow":
            self._flow()

    def _fact(self, name: str, value: str) -> None:
        if name == "label":
            before = self._facts.get("labels")
            name, value = "labels", value if before is None else f"{before},{value}"
        self._facts[name] = value

    def _flow(self) -> None:
        there, back = (self._tuples.get(direction, {}) for direction in _TUPLES)
        if self._proto is None or any(key not in one for one in (there, back) for key in ("src", "dst")):
            self.refuse("a flow without its two directions, or without its protocol")
        assert self._proto is not None
        try:
            entry = entry_of(self._proto, there, back, replied="UNREPLIED" not in self._facts)
        except ValueError as error:
            self.refuse(f"this is no flow: {error}")
        directions = {f"zone-{name}": one["zone"] for name, one in (("orig", there), ("reply", back)) if "zone" in one}
        self.lines.append(Line(entry, back, self._facts | directions))
