"""The Jinja2 environment that policies are rendered in: no access, bounded work.

There is no thread and no signal: the work is counted where Jinja2 hands control to its environment, which is on each turn
of a loop, each call of a macro, each filter, call and operator that can make something large.  So every loop ends; what
cannot be stopped is one single operation of Python on values within the limits (a sort of a million items, say), which
takes seconds at most.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from functools import wraps
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, nodes
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError
from jinja2.visitor import NodeTransformer

MAX_CHARACTERS = 16 * 1024 * 1024
MAX_SECONDS = 10.0
# A template may pass its output through many hands before it is written.
_MAX_MADE = 16 * MAX_CHARACTERS
_MAX_ITEMS = 1_000_000
_MAX_BITS = 65_536
_WIDE_FORMAT = re.compile(r"\d{6,}")


class TooMuch(Exception):  # noqa: N818 - it is a limit, reported as an InputError
    """The template asks for more time or text than it may have."""


class Budget:
    """What one rendering may still use: seconds of time, characters made on the way."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._characters = _MAX_MADE

    def spend(self, characters: int) -> None:
        """Counts characters, and looks at the clock; raises TooMuch."""
        self._characters -= characters
        if characters > MAX_CHARACTERS or self._characters < 0:
            raise TooMuch(f"the template makes more than {MAX_CHARACTERS // 2**20} MiB of text")
        if time.monotonic() > self._deadline:
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
        self.filters.update({name: self._bounded_filter(function) for name, function in self.filters.items()})

    def turn(self, characters: int) -> str:
        """One turn of a loop or macro whose own text is that long."""
        self.budget.spend(characters)
        return ""

    def joined(self, *values: object) -> str:
        """What the operator ``~`` gives."""
        texts = [str(value) for value in values]
        self.budget.spend(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that can make something large out of something small."""
        _check_operator(operator, left, right)
        result = super().call_binop(context, operator, left, right)
        self._spend_on(result)
        return result

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - names of Jinja2
        """A call from the template: of a macro, or of a method of a value."""
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, (str, bytes, int)):
            _check_method(getattr(__obj, "__name__", ""), owner, args, kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        __self._spend_on(result)
        return result

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template: nodes.Template = _TurnCounter().visit(super()._parse(source, name, filename))
        return template

    def _written(self, value: Any) -> Any:
        self._spend_on(value)
        return value

    def _spend_on(self, value: object) -> None:
        self.budget.spend(len(value) if isinstance(value, (str, bytes, list, tuple)) else 0)

    def _bounded_filter(self, function: Callable[..., Any]) -> Callable[..., Any]:
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0

        @wraps(function)
        def bounded(*args: Any, **kwargs: Any) -> Any:
            subject, arguments = args[passed], args[passed + 1:]
            if isinstance(subject, Iterable) and not isinstance(subject, (Sized, str)):
                subject = self._listed(subject)
            _check_filter(function.__name__, subject, arguments, kwargs)
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


class _TurnCounter(NodeTransformer):
    """Puts a count into every loop, macro, block and template, and into ``~``."""

    def _with_turn(self, node: Any) -> Any:
        self.generic_visit(node)
        size = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        turn = nodes.EnvironmentAttribute("turn", lineno=node.lineno)
        call = nodes.Call(turn, [nodes.Const(size, lineno=node.lineno)], [], None, None, lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))
        node.set_environment(node.environment)
        return node

    visit_For = visit_Macro = visit_CallBlock = visit_Block = visit_Template = _with_turn  # noqa: N815 - of Jinja2

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:  # noqa: N802 - of Jinja2
        self.generic_visit(node)
        joined = nodes.EnvironmentAttribute("joined", lineno=node.lineno)
        call = nodes.Call(joined, node.nodes, [], None, None, lineno=node.lineno)
        return call.set_environment(node.environment)  # type: ignore[return-value]


def _check_operator(operator: str, left: Any, right: Any) -> None:
    if operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, Sized) and isinstance(times, int):
                limit = MAX_CHARACTERS if isinstance(many, (str, bytes)) else _MAX_ITEMS
                _allow(len(many) * times, limit, "repeats a value too often")
        if isinstance(left, int) and isinstance(right, int):
            _allow(left.bit_length() + right.bit_length(), _MAX_BITS, "makes too large a number")
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        _allow(left.bit_length() * max(right, 0), _MAX_BITS, "makes too large a number")
    elif operator == "%" and isinstance(left, (str, bytes)):
        _check_format(left, right)
    elif operator == "+" and isinstance(left, Sized) and isinstance(right, Sized):
        limit = MAX_CHARACTERS if isinstance(left, (str, bytes)) else _MAX_ITEMS
        _allow(len(left) + len(right), limit, "makes too large a value")


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


def _check_method(name: str, owner: str | bytes | int, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    numbers = [value for value in (*args, *kwargs.values()) if isinstance(value, int)]
    if isinstance(owner, int):
        _allow(max(map(abs, numbers), default=0), _MAX_ITEMS, f"calls {name}() with too large a number")
        return
    if name in ("format", "format_map"):
        _check_format(owner, [*args, *kwargs.values()])
    elif name == "translate":
        raise SecurityError("translate() is not for templates: use replace()")
    elif name == "replace" and len(args) > 1:
        _allow((owner.count(args[0]) + 1) * len(args[1]) + len(owner), MAX_CHARACTERS, "replaces too much")
    elif name == "join" and args:
        _check_join(owner, args[0])
    elif name in ("ljust", "rjust", "center", "zfill", "expandtabs"):
        width = max(map(abs, numbers), default=8)
        _allow(width * (1 + len(owner) if name == "expandtabs" else 1), MAX_CHARACTERS, f"calls {name}() too wide")


def _check_filter(name: str, subject: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    given = (*args, *kwargs.values())
    if name in ("do_replace", "do_join", "sync_do_join"):
        if name == "do_replace" and len(args) > 1:
            found = str(subject).count(str(args[0])) + 1
            _allow(found * len(str(args[1])) + len(str(subject)), MAX_CHARACTERS, "replaces too much")
        elif isinstance(subject, Iterable):
            _check_join(str(given[0]) if given else "", subject)
    elif name == "do_format":
        _check_format(str(subject), list(given))
    numbers = [abs(value) for value in given if isinstance(value, int)]
    widths = [len(value) for value in given if isinstance(value, str)] if name == "do_indent" else []
    lines = str(subject).count("\n") + 1 if name in ("do_indent", "do_pprint", "do_tojson") and numbers + widths else 1
    _allow(max(numbers + widths, default=0) * lines, _MAX_ITEMS, "gives a filter too large a number")


def _check_join(between: str | bytes, items: Any) -> None:
    if isinstance(items, Sized) and isinstance(items, Iterable):
        size = sum(len(item) for item in items if isinstance(item, (str, bytes)))
        _allow(size + len(items) * len(between), MAX_CHARACTERS, "joins too much")


def _allow(asked: int, limit: int, what: str) -> None:
    if asked > limit:
        raise TooMuch(f"the template {what}")
