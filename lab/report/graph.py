"""A lab as a drawing of text: each network, the nodes on it, and by which interface and addresses they are."""

from __future__ import annotations

from collections.abc import Iterator

from lab.record.drawing import Drawing, DrawnNode, Plug
from lab.report.plain import plain


def graph_lines(drawing: Drawing) -> Iterator[str]:
    """A tree a network; a node that joins several is on each, and named with the others."""
    yield plain(drawing.title)
    for name, prefixes in drawing.networks:
        yield ""
        yield plain(f"━━ {name}  {'  '.join(prefixes)}".rstrip())
        on = [(node, plug) for node in drawing.nodes for plug in node.plugs if plug.network == name]
        rows = [(_who(node), plug.interface, " ".join(plug.addresses), _more(node, plug)) for node, plug in on]
        wide = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
        for number, (row, (_, plug)) in enumerate(zip(rows, on, strict=True)):
            branch = ("└" if number == len(rows) - 1 else "├") + ("┄┄" if plug.is_down else "──")
            cells = "  ".join(word.ljust(width) for word, width in zip(row, (*wide, 0), strict=True))
            yield plain(f"   {branch} {cells}".rstrip())


def _who(node: DrawnNode) -> str:
    return f"[{node.name}]" if node.role == node.name else f"[{node.name}] {node.role}"


def _more(node: DrawnNode, plug: Plug) -> str:
    others = dict.fromkeys(other.network for other in node.plugs if other.network != plug.network)
    joined = f"{'joins' if node.passes_on else 'also on'} {', '.join(others)}" if others else ""
    return ", ".join(word for word in (f"link {plug.state}" if plug.is_down else "", joined) if word)
