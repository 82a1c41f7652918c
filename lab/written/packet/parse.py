"""The text of a packet to its layers: a walk over what Python's parser makes of it, which looks names up and calls nothing."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from lab.written.messages import did_you_mean
from lab.written.packet.layers import LAYERS, OPTIONS, Spec
from lab.written.packet.values import Data, Layer, Literal, Number, shown

LONGEST_TEXT = 8_192  # characters
MOST_LAYERS = 12
_DEEPEST = 6  # brackets within brackets
_FORM = 'a packet is written of layers: TCP(flags="FPU", dport=22), IP(ttl=1)/UDP(dport=53)/Raw("x")'
_CUT = "in a row within {…} a comma ends what is not quoted: packet: 'TCP(flags=\"FPU\", dport=22)'"
_FRAGMENT = "fragment"
LEAST_FRAGMENT, DEFAULT_FRAGMENT = 8, 1400  # bytes of payload


@dataclass(frozen=True, slots=True)
class Written:
    """One text: its layers, outermost first; ``fragsize`` the payload of each fragment in bytes, where it is sent in such."""

    text: str
    layers: tuple[Layer, ...]
    fragsize: int | None = None


def parse(text: str) -> Written:
    """The layers of a text; raises ValueError, whatever the text is: what is wrong, and in a second line what was meant."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a packet of {len(text):,} characters is longer than {LONGEST_TEXT:,}")
    if not text.strip():
        raise ValueError(f"there is no packet here\n{_FORM}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the style
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = error.msg if isinstance(error, SyntaxError) and error.msg else "it is no text, or nested too deeply"
        what = "it has a number of very many digits" if "set_int_max_str_digits" in what else what
        form = _CUT if text.count("(") > text.count(")") else _FORM
        raise ValueError(f"{_short(text)} cannot be read: {what}\n{form}") from None
    return _written(text.strip(), tree)


def _short(text: str) -> str:
    return shown(text.strip())


def _written(text: str, tree: ast.expr) -> Written:
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == _FRAGMENT:
        if len(tree.args) != 1 or any(word.arg != "fragsize" for word in tree.keywords) or len(tree.keywords) > 1:
            raise ValueError("fragment is written fragment(LAYERS, fragsize=BYTES)")
        size = _literal(tree.keywords[0].value, 1) if tree.keywords else DEFAULT_FRAGMENT
        size = Number(16).read(size)
        assert isinstance(size, int)
        if size < LEAST_FRAGMENT:
            raise ValueError(f"fragsize={size}: the least that a fragment can carry is {LEAST_FRAGMENT} bytes")
        return Written(text, _layers(tree.args[0]), size - size % LEAST_FRAGMENT)
    return Written(text, _layers(tree))


def _layers(tree: ast.expr) -> tuple[Layer, ...]:
    """``A()/B()/C()``: the operator binds to the left."""
    parts: list[ast.expr] = []
    while isinstance(tree, ast.BinOp):
        if not isinstance(tree.op, ast.Div):
            raise ValueError(f"layers are joined by / alone\n{_FORM}")
        parts.append(tree.right)
        tree = tree.left
        if len(parts) >= MOST_LAYERS:
            raise ValueError(f"a packet has at most {MOST_LAYERS} layers")
    return tuple(_layer(part, LAYERS, 0) for part in reversed([*parts, tree]))


def _layer(tree: ast.expr, known: Mapping[str, Spec], depth: int) -> Layer:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (str, bytes)):
        return Layer("Raw", (("load", Data().read(tree.value)),))
    if isinstance(tree, ast.Name):
        raise ValueError(f"{tree.id} is written with brackets: {tree.id}()\n{_FORM}")
    if not isinstance(tree, ast.Call):
        raise ValueError(f"{_KINDS.get(type(tree), 'this')} is no layer\n{_FORM}")
    if not isinstance(tree.func, ast.Name):
        raise ValueError(f"nothing but a layer can be called here\n{_FORM}")
    name = tree.func.id
    if name == _FRAGMENT:
        raise ValueError("fragment(…) stands around the whole packet, and nowhere else")
    spec = known.get(name)
    if spec is None:
        meant = did_you_mean(name[:60], known, "the layers")
        raise ValueError(f"{_short(name)[1:-1]} is no layer that a packet may have\n{meant}")
    return Layer(name, tuple(_fields(name, spec, tree, depth)))


def _fields(name: str, spec: Spec, tree: ast.Call, depth: int) -> list[tuple[str, Literal]]:
    given = [(word.arg, word.value) for word in tree.keywords]
    if tree.args:
        if spec.positional is None or len(tree.args) > 1:
            raise ValueError(f"the fields of {name} are written by their names: {name}({_example(spec)})")
        given.insert(0, (spec.positional, tree.args[0]))
    found: list[tuple[str, Literal]] = []
    for field, value in given:
        if field is None or isinstance(value, ast.Starred):
            raise ValueError(f"* and ** cannot stand in {name}")
        kind = spec.fields.get(field)
        if kind is None:
            meant = did_you_mean(field[:60], spec.fields, f"the fields of {name}")
            raise ValueError(f"{name} has no field {field[:60]}\n{meant}")
        if any(field == before for before, _ in found):
            raise ValueError(f"{name} has {field} twice")
        try:
            found.append((field, kind.read(_literal(value, depth + 1))))
        except ValueError as error:
            raise ValueError(f"{name}({field}=…): {error}") from None
    return found


def _example(spec: Spec) -> str:
    return ", ".join(f"{field}=…" for field in [*spec.fields][:2])


def _literal(tree: ast.expr, depth: int) -> Literal:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(tree, ast.Constant):
        value = tree.value
        if isinstance(value, bool) or not (value is None or isinstance(value, (int, str, bytes))):
            raise ValueError(f"{value} cannot stand here: write a number, text or bytes")
        return value
    if isinstance(tree, (ast.Tuple, ast.List)):
        return tuple(_literal(item, depth + 1) for item in tree.elts)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in OPTIONS:
        return _layer(tree, OPTIONS, depth)
    raise ValueError(f"{_KINDS.get(type(tree), 'this')} cannot stand here: numbers, text, bytes and lists of them can")


_KINDS: dict[type[ast.expr], str] = {
    ast.Attribute: "a dot",
    ast.Subscript: "an index",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "a function",
    ast.Name: "a name",
    ast.Call: "a call",
    ast.BinOp: "a calculation",
    ast.UnaryOp: "a sign",
    ast.Constant: "a value",
    ast.Tuple: "a list",
    ast.List: "a list",
    ast.Dict: "a mapping",
}
