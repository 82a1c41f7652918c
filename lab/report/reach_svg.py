"""Service matrices as a picture: a table for each, who asks in the rows and who is asked in the columns, and the groups."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from lab.record.service_matrix import Group, ServiceMatrix, ServiceMatrixReport, State, Way
from lab.report.plain import plain
from lab.report.reach import counted, rule_words, some_addresses, title

_CELL, _LEFT, _TOP, _LINE, _WIDTH = 28, 60, 70, 18, 760
_MOST = 40  # groups; a picture of more nobody reads
_WORDS = 70
_COLOURS = {
    State.REACHES: "#1b6ca8", State.UNANSWERED: "#c8993d", State.LET_THROUGH: "#8fb7d3", State.LOST: "#c8553d",
}  # fmt: skip
_STYLE = "text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-size:14px;font-weight:bold}"


def reach_svg(report: ServiceMatrixReport) -> str:
    """One SVG document that needs nothing from elsewhere; a pointer over a cell is told by which rule."""
    parts: list[str] = []
    top, wide = 0, _WIDTH
    for matrix in report.matrices:
        groups = matrix.groups[:_MOST]
        parts.append(f'<g transform="translate(0,{top})">')
        parts += _table(report, matrix, groups)
        parts.append("</g>")
        top += _height(matrix, groups)
        wide = max(wide, _LEFT + _CELL * (len(groups) + 1))
    height = max(top, _TOP)
    size = f'width="{wide}" height="{height}" viewBox="0 0 {wide} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="netfilter-lab" {size}>'
    white = f'<rect width="{wide}" height="{height}" fill="#fff"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>{white}", *parts, "</svg>", ""])


def _height(matrix: ServiceMatrix, groups: tuple[Group, ...]) -> int:
    return _TOP + len(groups) * (_CELL + _LINE) + 3 * _LINE + (_LINE if len(matrix.groups) > _MOST else 0)


def _table(report: ServiceMatrixReport, matrix: ServiceMatrix, groups: tuple[Group, ...]) -> Iterator[str]:
    yield _text(_LEFT, 24, f"{report.topology}, {title(matrix)}", "title")
    yield _text(_LEFT, 42, "a row asks, a column is asked; a ring: within one network")
    places = {group.name: number for number, group in enumerate(groups)}
    for name, number in places.items():
        yield _text(_LEFT + (number + 0.5) * _CELL, _TOP - 6, name, anchor="middle")
        yield _text(_LEFT - 8, _TOP + (number + 0.65) * _CELL, name, anchor="end")
        for other in range(len(groups)):
            yield _square(other, number, "#f2f2f2")
    for way in matrix.ways:
        if way.source in places and way.destination in places:
            yield from _way(way, places[way.destination], places[way.source])
    below = _TOP + len(groups) * _CELL + 2 * _LINE
    for number, group in enumerate(groups):
        where = f"{group.own} itself" if group.own is not None else ", ".join(group.places[:2])
        words = f"{group.name}  {counted(group.count)} of {where}: {some_addresses(group.addresses, _WORDS)}"
        yield _text(_LEFT, below + number * _LINE, words)
    if len(matrix.groups) > _MOST:
        yield _text(_LEFT, below + len(groups) * _LINE, f"and {len(matrix.groups) - _MOST} smaller groups")


def _way(way: Way, column: int, row: int) -> Iterator[str]:
    said = f"{way.source} > {way.destination}: {way.state}, {rule_words(way.by)}"
    yield f"<g><title>{escape(plain(said))}</title>{_square(column, row, _COLOURS[way.state])}"
    if way.within:
        x, y = _LEFT + (column + 0.5) * _CELL, _TOP + (row + 0.5) * _CELL
        yield f'<circle cx="{x}" cy="{y}" r="5" fill="none" stroke="#fff" stroke-width="2"/>'
    yield "</g>"


def _square(column: int, row: int, colour: str) -> str:
    x, y, size = _LEFT + column * _CELL + 1, _TOP + row * _CELL + 1, _CELL - 2
    return f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{named}>{escape(plain(text))}</text>'
