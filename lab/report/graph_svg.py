"""A lab as a picture: the nodes in columns, what joins networks in the middle, and a line for each interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from lab.record.drawing import Drawing, DrawnNode, Plug
from lab.report.plain import plain

_LEFT, _TOP, _BOX, _HIGH, _BAR, _LINE = 24, 56, 190, 40, 220, 18
_JOINS, _NETWORKS, _OTHERS = _LEFT, 420, 850  # where each column begins
_WIDTH = _OTHERS + _BOX + _LEFT
_STYLE = (
    "text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-size:14px;font-weight:bold}"
    ".small{font-size:10px;fill:#555}line{stroke:#1b6ca8;stroke-width:1.5}.down{stroke:#c8553d;stroke-dasharray:4 4}"
)
Places = Mapping[str, float]


def graph_svg(drawing: Drawing) -> str:
    """One SVG document that needs nothing from elsewhere; a pointer over a line is told what it is."""
    joins = [node for node in drawing.nodes if node.passes_on or len(node.plugs) > 1]
    others = [node for node in drawing.nodes if node not in joins]
    order = {name: number for number, (name, _) in enumerate(drawing.networks)}
    others.sort(key=lambda node: order.get(node.plugs[0].network, 0) if node.plugs else len(order))
    step = [_step(node) for node in joins], [_step(node) for node in others]
    height = int(_TOP + max(sum(step[0]), sum(step[1]), len(order) * (_HIGH + 2 * _LINE)) + _LINE)
    networks = _spread([*order], [1.0] * len(order), height)
    left, right = (
        _spread([node.name for node in column], sizes, height) for column, sizes in zip((joins, others), step, strict=True)
    )
    parts = [_text(_LEFT, 28, drawing.title, "title")]
    for column, places, x in ((joins, left, _JOINS), (others, right, _OTHERS)):
        for node in column:
            parts += _lines(node, x, places[node.name], networks)
        for node in column:
            parts += _box(x, _BOX, places[node.name], node.name, node.role, "#e8f1f8")
    for name, prefixes in drawing.networks:
        parts += _box(_NETWORKS, _BAR, networks[name], name, " ".join(prefixes), "#f2f2f2")
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="netfilter-lab" {size}>'
    white = f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>{white}", *parts, "</svg>", ""])


def _step(node: DrawnNode) -> float:
    """How much of a column a node takes: the words at its lines stand below each other."""
    return max(_HIGH, len(node.plugs) * _LINE) + _LINE


def _spread(names: list[str], sizes: list[float], height: int) -> Places:
    """The middle of each, over the whole height."""
    found, at, scale = {}, float(_TOP), (height - _TOP - _LINE) / (sum(sizes) or 1)
    for name, size in zip(names, sizes, strict=True):
        found[name] = at + size * scale / 2
        at += size * scale
    return found


def _lines(node: DrawnNode, x: int, y: float, networks: Places) -> Iterator[str]:
    begins, ends = (x + _BOX, _NETWORKS) if x < _NETWORKS else (x, _NETWORKS + _BAR)
    for number, plug in enumerate(node.plugs):
        at = y + (number - (len(node.plugs) - 1) / 2) * _LINE
        kind = ' class="down"' if plug.is_down else ""
        yield f"<g><title>{escape(plain(_said(node, plug)))}</title>"
        to = networks.get(plug.network, at)
        yield f'<line x1="{begins}" y1="{at:.1f}" x2="{ends}" y2="{to:.1f}"{kind}/>'
        words = f"{plug.interface} {' '.join(plug.addresses)}"
        before = x < _NETWORKS
        yield _text(begins + 4 if before else begins - 4, at - 3, words, "small", anchor="start" if before else "end")
        yield "</g>"


def _said(node: DrawnNode, plug: Plug) -> str:
    state = f", link {plug.state}" if plug.state else ""
    return f"{node.name} {plug.interface} on {plug.network}: {' '.join(plug.addresses) or 'no address'}{state}"


def _box(x: int, wide: int, y: float, name: str, words: str, colour: str) -> Iterator[str]:
    yield f'<rect x="{x}" y="{y - _HIGH / 2:.1f}" width="{wide}" height="{_HIGH}" rx="5" fill="{colour}" stroke="#888"/>'
    yield _text(x + wide / 2, y - 3, name, anchor="middle")
    yield _text(x + wide / 2, y + 12, words, "small", anchor="middle")


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(plain(text))}</text>'
