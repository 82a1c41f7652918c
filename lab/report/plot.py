"""Plots as SVG: lines over logarithmic axes, and bars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 520, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 24, 62, 54
_COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7d5ba6")
_STYLE = "text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-size:14px;font-weight:bold}.grid{stroke:#ddd}"


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name and points, each above zero."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A plot of lines, both axes logarithmic; ``x`` and ``y`` are what stands at the axes, with the unit."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its name and value; those of one ``kind``, counted from 0, have one colour."""

    name: str
    value: float
    kind: int = 0


@dataclass(frozen=True, slots=True)
class Bars:
    """A plot of bars from zero; ``x`` is what stands below, with the unit."""

    title: str
    x: str
    bars: tuple[Bar, ...]


def svg(plots: Sequence[Lines | Bars], columns: int = 2) -> str:
    """The plots beside and below each other as one SVG document that needs nothing from elsewhere."""
    rows = -(-len(plots) // columns)
    width, height = columns * _WIDTH, rows * _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<style>{_STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, plot in enumerate(plots):
        parts.append(f'<g transform="translate({number % columns * _WIDTH},{number // columns * _HEIGHT})">')
        parts.append(_text(_LEFT, 24, plot.title, "title"))
        parts += _lines(plot) if isinstance(plot, Lines) else _bars(plot)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Axis:
    """Whole decades from ``low`` to ``high`` onto the pixels from ``start`` to ``end``."""

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low, max(high, low + 1), start, end)

    def place(self, value: float) -> float:
        """The pixel of a value."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def decades(self) -> Iterator[float]:
        """The values that get a line of the grid."""
        return (10.0**power for power in range(self.low, self.high + 1))


def _lines(plot: Lines) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    points = [point for series in plot.series for point in series.points]
    if not points:
        yield _text(_LEFT, _HEIGHT / 2, "not measured here")
        return
    across = _Axis.around([x for x, _ in points], _LEFT, right)
    upward = _Axis.around([y for _, y in points], bottom, _TOP)
    for value in across.decades():
        yield f'<line class="grid" x1="{across.place(value)}" y1="{_TOP}" x2="{across.place(value)}" y2="{bottom}"/>'
        yield _text(across.place(value), bottom + 18, f"{value:,g}", anchor="middle")
    for value in upward.decades():
        yield f'<line class="grid" x1="{_LEFT}" y1="{upward.place(value)}" x2="{right}" y2="{upward.place(value)}"/>'
        yield _text(_LEFT - 8, upward.place(value) + 4, f"{value:,g}", anchor="end")
    yield _text((_LEFT + right) / 2, _HEIGHT - 14, plot.x, anchor="middle")
    yield _turned(18, (_TOP + bottom) / 2, plot.y)
    for number, series in enumerate(plot.series):
        colour = _COLOURS[number % len(_COLOURS)]
        placed = [(across.place(x), upward.place(y)) for x, y in series.points]
        path = " ".join(f"{x},{y}" for x, y in placed)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in placed)
        yield f'<rect x="{_LEFT + 140 * number}" y="38" width="12" height="12" fill="{colour}"/>'
        yield _text(_LEFT + 140 * number + 18, 48, series.name)


def _bars(plot: Bars) -> Iterator[str]:
    if not plot.bars:
        yield _text(_LEFT, _HEIGHT / 2, "not measured here")
        return
    longest = max(bar.value for bar in plot.bars) or 1.0
    step = (_HEIGHT - _TOP - _BOTTOM) / len(plot.bars)
    room = _WIDTH - _LEFT - _RIGHT - 60
    for number, bar in enumerate(plot.bars):
        top = round(_TOP + number * step, 1)
        length, thick = round(room * bar.value / longest, 1), min(24.0, round(step - 20, 1))
        colour = _COLOURS[bar.kind % len(_COLOURS)]
        yield _text(_LEFT, top + 4, bar.name)
        yield f'<rect x="{_LEFT}" y="{top + 10}" width="{length}" height="{thick}" fill="{colour}"/>'
        yield _text(_LEFT + length + 6, round(top + 14 + thick / 2, 1), f"{bar.value:.3g}")
    yield _text(_WIDTH / 2, _HEIGHT - 14, plot.x, anchor="middle")


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{named}>{escape(text)}</text>'


def _turned(x: float, y: float, text: str) -> str:
    return f'<text transform="translate({x},{y}) rotate(-90)" text-anchor="middle">{escape(text)}</text>'
