"""The Jinja2 environment that policies are rendered in: no access, bounded work.

There is no thread and no signal: the work is counted where Jinja2 hands control to its environment, which is on each
turn of a loop, each call of a macro, each filter, call and operator that can make something large.  So every loop ends,
in words that name its line.  What it cannot stop, one single operation of Python on what was made within the limits, ends
with the process that it is done in (`lab.prepare.templates`).

What a template writes is text, numbers and truth values: a list or an object has no form but Python's own, which no
ruleset means.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from functools import wraps
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from lab.ruleset.render import MAX_CHARACTERS

MAX_SECONDS = 6.0
# A template may pass its output through many hands before it is written.
_MAX_MADE = 16 * MAX_CHARACTERS
_MAX_ITEMS = 1_000_000
_MAX_BITS = 65_536
_WIDE_FORMAT = re.compile(r"\d{6,}")


# Filters that begin with the text of what they are given.
_TEXT_FILTERS = frozenset((
    "capitalize", "center", "e", "escape", "forceescape", "format", "indent", "lower", "pprint", "replace", "string",
    "striptags", "title", "trim", "upper", "urlize", "wordcount", "wordwrap",
))  # fmt: skip
_PART = re.compile(r"\{\w*[.\[]")  # in str.format: not the value, but something of it
_NAMED = re.compile(r"%\((\w+)\)")


class TooMuch(Exception):
    """The template asks for more time or text than it may have."""


class NotText(Exception):
    """The template writes a value that has no form as text."""


class Budget:
    """What the renderings of one policy may still use: seconds of the processor, characters made on the way.

    >>> Budget(seconds=5).spend(characters=17 * 2**20)
    Traceback (most recent call last):
    lab.ruleset.sandbox.TooMuch: the template makes more than 16 MiB of text
    """

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._seconds = seconds
        self._deadline = time.process_time() + seconds
        self._characters = _MAX_MADE

    def spend(self, characters: int) -> None:
        """Counts characters, and looks at the clock; raises TooMuch."""
        self._characters -= characters
        if characters > MAX_CHARACTERS or self._characters < 0:
            raise TooMuch(f"the template makes more than {MAX_CHARACTERS // 2**20} MiB of text")
        if time.process_time() > self._deadline:
            raise TooMuch(f"the template takes longer than {self._seconds:g} s")


class PolicyEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 for templates that nobody has read: StrictUndefined, no mutation, and a budget."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(
        self, loader: BaseLoader, options: Mapping[str, Any], budget: Budget, extensions: Sequence[type[Extension]] = ()
    ) -> None:
        self.budget = budget
        super().__init__(
            loader=loader, undefined=StrictUndefined, autoescape=False, extensions=extensions, finalize=self._written,
            **options,
        )
        self.globals.pop("lipsum", None)
        self.filters.update({name: self._bounded_filter(name, function) for name, function in self.filters.items()})

    def turn(self, characters: int) -> str:
        """One turn of a loop or macro whose own text is that long."""
        self.budget.spend(characters)
        return ""

    def joined(self, *values: object) -> str:
        """What the operator ``~`` gives."""
        texts = [str(_as_text(value)) for value in values]
        self.budget.spend(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """An operator that can make something large out of something small."""
        _check_operator(operator, left, right)
        if operator == "%" and isinstance(left, str):
            _check_written(left, right)
        result: object = super().call_binop(context, operator, left, right)
        self._spend_on(result)
        return result

    def call(self, context: Context, called: Any, /, *args: object, **kwargs: object) -> object:
        """A call from the template: of a macro, or of a method of a value."""
        method = getattr(called, "__wrapped__", called)  # Jinja2 wraps str.format
        owner = getattr(method, "__self__", None)
        if isinstance(owner, (str, bytes, int)):
            name = getattr(method, "__name__", "")
            _check_method(name, owner, args, kwargs)
            if name == "format" and isinstance(owner, str) and not _PART.search(owner):
                _check_written(owner, (*args, *kwargs.values()))
        result: object = super().call(context, called, *args, **kwargs)
        self._spend_on(result)
        return result

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template: nodes.Template = _TurnCounter().visit(super()._parse(source, name, filename))
        return template

    def _written(self, value: object) -> object:
        self._spend_on(value)
        return _as_text(value)

    def _spend_on(self, value: object) -> None:
        self.budget.spend(len(value) if isinstance(value, (str, bytes, list, tuple)) else 0)

    def _bounded_filter(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0

        @wraps(function)
        def bounded(*args: object, **kwargs: object) -> object:
            subject, arguments = args[passed], args[passed + 1:]
            if isinstance(subject, Iterable) and not isinstance(subject, Sized):
                subject = self._listed(subject)
            if name in _TEXT_FILTERS:
                _as_text(subject)
            if name == "format":
                _check_written(str(subject), arguments)
            elif name == "join" and len(arguments) < 2 and "attribute" not in kwargs and isinstance(subject, Iterable):
                _check_written("", tuple(subject))
            _check_filter(name, subject, (*arguments, *kwargs.values()))
            result = function(*args[:passed], subject, *arguments, **kwargs)
            self._spend_on(result)
            return result

        return bounded

    def _listed(self, items: Iterable[object]) -> list[object]:
        """A generator's items, each counted: the next filter sees how much there is."""
        taken = []
        for item in items:
            self.budget.spend(1)
            taken.append(item)
        return taken


_Counted = nodes.For | nodes.Macro | nodes.CallBlock | nodes.Block | nodes.Template | nodes.If


class _TurnCounter(NodeTransformer):
    """Puts a count into every loop, macro, block, branch and template, and into ``~``."""

    def _with_turn(self, node: _Counted) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, self._turn(node, node.body))
        if isinstance(node, nodes.If) and node.else_:
            node.else_.insert(0, self._turn(node, node.else_))
        return node

    visit_For = visit_Macro = visit_CallBlock = visit_Block = visit_Template = visit_If = _with_turn  # noqa: N815

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's name for it
        self.generic_visit(node)
        return self._call("joined", node.nodes, node)

    def _turn(self, node: _Counted, body: Sequence[nodes.Node]) -> nodes.Node:
        size = nodes.Const(sum(map(_own_text, body)), lineno=node.lineno)
        call = self._call("turn", [size], node)
        return nodes.ExprStmt(call, lineno=node.lineno, environment=node.environment)

    def _call(self, method: str, values: Sequence[nodes.Expr], node: nodes.Node) -> nodes.Expr:
        place = {"lineno": node.lineno, "environment": node.environment}
        return nodes.Call(nodes.EnvironmentAttribute(method, **place), list(values), [], None, None, **place)


def _own_text(node: nodes.Node) -> int:
    """The characters that a node writes by itself, without those of what has a count of its own."""
    if isinstance(node, nodes.TemplateData):
        return len(node.data)
    return sum(_own_text(child) for child in node.iter_child_nodes() if not isinstance(child, _Counted))


def _as_text(value: object) -> object:
    """The value, if a ruleset can say it; an undefined one raises when it is written."""
    if value is None or isinstance(value, (str, int, float, Undefined)):
        return value
    if isinstance(value, (list, tuple)):
        kind = "a list"
    else:
        kind = "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__} of Python"
    raise NotText(f"the template writes {kind} as text, which has no form in a ruleset")


def _check_written(template: str, values: object) -> None:
    """Refuses lists and mappings that a format would write out as Python does."""
    if isinstance(values, Mapping):
        values = tuple(values[name] for name in _NAMED.findall(template) if name in values)
    for value in values if isinstance(values, tuple) else (values,):
        _as_text(value)


def _check_operator(operator: str, left: object, right: object) -> None:
    if operator == "*":
        _check_times(left, right)
        _check_times(right, left)
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        _allow(left.bit_length() * max(right, 0), _MAX_BITS, "makes too large a number")
    elif operator == "%" and isinstance(left, (str, bytes)):
        _check_format(left, right)
    elif operator == "+" and isinstance(left, Sized) and isinstance(right, Sized):
        _allow(len(left) + len(right), _limit(left), "makes too large a value")


def _check_times(many: object, times: object) -> None:
    if isinstance(many, Sized) and isinstance(times, int):
        _allow(len(many) * times, _limit(many), "repeats a value too often")
    elif isinstance(many, int) and isinstance(times, int):
        _allow(many.bit_length() + times.bit_length(), _MAX_BITS, "makes too large a number")


def _limit(value: Sized) -> int:
    return MAX_CHARACTERS if isinstance(value, (str, bytes)) else _MAX_ITEMS


def _check_format(template: str | bytes, values: object) -> None:
    """Refuses a width that is written out (``%1000000d``) or given beside it (``%*d``)."""
    text = template.decode("latin-1") if isinstance(template, bytes) else template
    widest = max((abs(value) for value in _numbers(values)), default=0) if "*" in text or "{" in text else 0
    _allow(_MAX_ITEMS if _WIDE_FORMAT.search(text) else min(widest, _MAX_ITEMS), _MAX_ITEMS - 1, "formats too wide")


def _numbers(values: object) -> Iterable[int]:
    if isinstance(values, Mapping):
        values = list(values.values())
    several = values if isinstance(values, (tuple, list)) else (values,)
    return [value for value in several if isinstance(value, int)]


def _check_method(
    name: str, owner: str | bytes | int, args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    numbers = [value for value in (*args, *kwargs.values()) if isinstance(value, int)]
    if isinstance(owner, int):
        _allow(max(map(abs, numbers), default=0), _MAX_ITEMS, f"calls {name}() with too large a number")
        return
    if name in ("format", "format_map"):
        _check_format(owner, [*args, *kwargs.values()])
    elif name == "translate":
        raise SecurityError("translate() is not for templates: use replace()")
    elif name == "replace" and len(args) > 1:
        found = str(owner).count(str(args[0])) + 1
        _allow(found * len(str(args[1])) + len(owner), MAX_CHARACTERS, "replaces too much")
    elif name == "join" and args:
        _check_join(owner, args[0])
    elif name in ("ljust", "rjust", "center", "zfill", "expandtabs"):
        width = max(map(abs, numbers), default=8)
        _allow(width * (1 + len(owner) if name == "expandtabs" else 1), MAX_CHARACTERS, f"calls {name}() too wide")


def _check_filter(name: str, subject: object, given: Sequence[object]) -> None:
    if name == "replace" and len(given) > 1:
        found = str(subject).count(str(given[0])) + 1
        _allow(found * len(str(given[1])) + len(str(subject)), MAX_CHARACTERS, "replaces too much")
    elif name == "join":
        _check_join(str(given[0]) if given else "", subject)
    elif name == "format":
        _check_format(str(subject), list(given))
    widths = [abs(value) for value in given if isinstance(value, int)]
    if name == "indent":
        widths += [len(value) for value in given if isinstance(value, str)]
        _allow(max(widths, default=4) * (str(subject).count("\n") + 1), MAX_CHARACTERS, "indents too much")
    _allow(max(widths, default=0), _MAX_ITEMS, f"gives the filter {name} too large a number")


def _check_join(between: str | bytes, items: object) -> None:
    if isinstance(items, Sized) and isinstance(items, Iterable):
        size = sum(len(item) for item in items if isinstance(item, (str, bytes)))
        _allow(size + len(items) * len(between), MAX_CHARACTERS, "joins too much")


def _allow(asked: int, limit: int, what: str) -> None:
    if asked > limit:
        raise TooMuch(f"the template {what}")
