"""An nft script as the statements that a person would type one by one: tables taken apart into what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lab.ruleset.nft.tokens import FAMILY, NAME, TOKEN, without_strings

Place = tuple[str, str]  # family and name of a table

_TABLE = re.compile(rf"(?:(?:add|create)\s+)?table\s+(?:({FAMILY})\s+)?({NAME})\s*")
_OBJECT = re.compile(rf"(chain|set|map|flowtable|counter|quota|limit|secmark|synproxy|ct\s+\w+)\s+({NAME})\s*")
_OF_THE_CHAIN = re.compile(r"(?:type|policy|comment|flags|devices?|priority|hook)\b")
_DEFINES = re.compile(r"(?:re)?define\s|undefine\s")
_POLICY = re.compile(r"\bpolicy\s+\w+\s*;?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement, the line that it begins in, and the definitions before it where it needs any: each with its line."""

    text: str
    line: int
    defined: tuple[tuple[int, str], ...] = ()

    def with_definitions(self) -> str:
        """As a script of its own, in which the statement has the line that it has in the whole one, if there is room."""
        text, at = "", 1
        for line, one in (*self.defined, (self.line, self.text)):
            apart = max(line - at, 1 if text else 0)
            text += "\n" * apart + one
            at += apart + one.count("\n")
        return text + "\n"


@dataclass(frozen=True, slots=True)
class Made:
    """A chain, a set, … of a table: the statement that makes it, and of a chain its rules.

    ``made`` is how, but for policy and elements.
    """

    kind: str
    name: str
    piece: Piece
    made: str
    rules: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a table."""

    place: Place
    head: Piece
    objects: tuple[Made, ...]


@dataclass(slots=True)
class _Node:
    """A statement of a script, with those of its braces; ``text`` is all of it as it is written."""

    head: str
    line: int
    text: str
    inside: list[_Node] = field(default_factory=list)
    braced: bool = False


def pieces_of(text: str) -> Sequence[Piece | Block]:
    r"""The statements of a script in their order, its tables' blocks taken apart; what is not understood stays as it is.

    >>> chain = "chain in {\n type filter hook input priority 0\n tcp dport 22 accept\n}"
    >>> block, = pieces_of(f"table inet filter {{\n {chain} }}")
    >>> [str(piece.text) for piece in (block.head, block.objects[0].piece, *block.objects[0].rules)]
    ['add table inet filter', 'add chain inet filter in { type filter hook input priority 0; }',
    'add rule inet filter in tcp dport 22 accept']
    """
    return list(_Reader().pieces(_nodes(text)))


def tables_made(text: str) -> tuple[Place, ...]:
    """Family and name of each table that the script makes, once.

    >>> tables_made("flush ruleset; table inet filter { }; add table nat")
    (('inet', 'filter'), ('ip', 'nat'))
    """
    found: dict[Place, None] = {}
    for node in _nodes(text):
        if (table := _TABLE.fullmatch(node.head.strip())) is not None:
            found[table[1] or "ip", table[2]] = None
    return tuple(found)


class _Reader:
    """Goes through statements, and knows what is defined by then."""

    def __init__(self) -> None:
        self._defined: list[tuple[int, str]] = []

    def pieces(self, nodes: Sequence[_Node]) -> Iterator[Piece | Block]:
        """All that do something."""
        for node in nodes:
            table = _TABLE.fullmatch(node.head.strip())
            if _DEFINES.match(node.text):
                self._defined.append((node.line, node.text))
            elif table is None or not node.braced:
                yield self._piece(node.text, node.line)
            else:
                yield self._block((table[1] or "ip", table[2]), node)

    def _piece(self, text: str, line: int) -> Piece:
        needs = "$" in without_strings(text) or text.startswith("include")
        return Piece(text, line, tuple(self._defined) if needs else ())

    def _block(self, place: Place, node: _Node) -> Block:
        where = " ".join(place)
        outer = len(self._defined)
        objects = []
        own = []
        for one in node.inside:
            found = _OBJECT.fullmatch(one.head.strip())
            if _DEFINES.match(one.text):
                self._defined.append((one.line, one.text))
            elif found is not None and one.braced:
                objects.append(self._object(where, " ".join(found[1].split()), found[2], one))
            else:
                own.append(one.text)
        head = self._piece(f"add table {where}{_properties(own)}", node.line)
        del self._defined[outer:]
        return Block(place, head, tuple(objects))

    def _object(self, where: str, kind: str, name: str, node: _Node) -> Made:
        if kind != "chain":
            body = node.text[node.text.index("{"):]
            piece = self._piece(f"add {kind} {where} {name} {body}", node.line)
            own = [one.text for one in node.inside if not one.head.startswith("elements")]
            return Made(kind, name, piece, " ".join("; ".join(own).split()))
        outer = len(self._defined)
        own = []
        rules = []
        for one in node.inside:
            if _DEFINES.match(one.text):
                self._defined.append((one.line, one.text))
            elif _OF_THE_CHAIN.match(one.text):
                own.append(one.text)
            else:
                rules.append(self._piece(f"add rule {where} {name} {one.text}", one.line))
        made = _properties(own)
        piece = self._piece(f"add chain {where} {name}{made}", node.line)
        del self._defined[outer:]
        return Made(kind, name, piece, " ".join(_POLICY.sub("", made).split()), tuple(rules))


def _properties(own: Sequence[str]) -> str:
    """What a table or a chain says of itself, behind its name."""
    return f" {{ {' '.join(f'{text};' for text in own)} }}" if own else ""


def _nodes(text: str) -> list[_Node]:
    """The statements of a script as a tree of its braces; comments are left out, joined lines made one."""
    top = _Node("", 0, "")
    open_ones = [top]
    current: _Node | None = None
    line = 1
    for token in TOKEN.findall(text):
        first = token[0]
        if first in "\n;":
            if len(open_ones) > 1 or current is not None:
                _write(open_ones, token)
            _end(open_ones[-1], current)
            current = None
        elif first == "#":
            pass
        elif first == "{":
            current = current or _Node("", line, "")
            _write(open_ones, token)
            current.text += token
            current.braced = True
            open_ones.append(current)
            current = None
        elif first == "}" and len(open_ones) > 1:
            _end(open_ones[-1], current)
            current = open_ones.pop()
            current.text += token
            _write(open_ones, token)
        else:
            piece = " " if token == "\\\n" else token
            _write(open_ones, piece)
            if current is None and piece.strip():
                current = _Node("", line, "")
                piece = piece.lstrip()
            if current is not None:
                current.text += piece
                if not current.braced:
                    current.head += piece
        line += token.count("\n")
    _end(top, current)
    return top.inside


def _write(open_ones: Sequence[_Node], piece: str) -> None:
    """What stands within braces is part of all statements around it."""
    for node in open_ones[1:]:
        node.text += piece


def _end(outer: _Node, node: _Node | None) -> None:
    if node is not None and node.text.strip():
        node.text = node.text.strip()
        outer.inside.append(node)
