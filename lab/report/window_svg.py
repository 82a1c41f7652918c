"""A window as a picture: a lane for each group of streams, time from left to right, what was wrong in colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from lab.record.window import WRONG, Run, State, Window
from lab.report.plain import plain

_WIDTH, _LEFT, _RIGHT, _TOP, _LANE, _BAR, _LINE = 960, 250, 24, 96, 22, 14, 16
_MOST = 60  # lanes; a picture of more nobody reads
_NAME, _MARKS = 34, 24
_LEAST = 2.0  # pixels, that one packet is seen
_QUIET, _CHANGED = "#c9c9c9", "#8fb7d3"
_COLOURS = {
    State.AS_BEFORE: _QUIET, State.AS_AFTER: _CHANGED, State.OPENED: "#c0392b", State.REFUSED: "#e08e2b",
    State.STRAYED: "#7d5ba6",
}  # fmt: skip
_LEGEND = (
    (State.OPENED, "got through"), (State.REFUSED, "refused, or lost"), (State.STRAYED, "came to another end"),
    (State.AS_AFTER, "as afterwards"), (State.AS_BEFORE, "as it was"),
)  # fmt: skip
_STYLE = (
    "text{font-family:sans-serif;font-size:12px;fill:#222}.title{font-size:14px;font-weight:bold}.grid{stroke:#ddd}"
    ".mark{stroke:#1b6ca8;stroke-dasharray:3 2}.small{font-size:10px;fill:#1b6ca8}"
)


class _Lane(NamedTuple):
    """What one lane is called, what a pointer over it is told, and what is drawn in it."""

    name: str
    said: str
    runs: tuple[Run, ...]


def window_svg(window: Window) -> str:
    """One SVG document that needs nothing from elsewhere; a pointer over a bar is told what it is.

    Streams that had nothing wrong and did not change share one lane.
    """
    lanes = _lanes(window)
    marks = window.moments[:_MARKS]
    left = min([0.0, *(run.start_ms for lane in lanes for run in lane.runs), *(ms for _, ms in marks)])
    right = max([left + 0.001, window.ms, *(run.end_ms for lane in lanes for run in lane.runs), *(ms for _, ms in marks)])
    scale = _Scale(left, right)
    bottom = _TOP + len(lanes) * _LANE
    height = bottom + 40 + len(marks) * _LINE + 12
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="netfilter-lab" {size}>',
        f'<style>{_STYLE}</style><rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(12, 24, _title(window), "title"),
        *_legend(),
        *_grid(scale, bottom),
        *(part for number, lane in enumerate(lanes) for part in _drawn(lane, _TOP + number * _LANE, scale)),
        *_marks(window, marks, scale, bottom),
        "</svg>",
        "",
    ])  # fmt: skip


class _Scale(NamedTuple):
    """Milliseconds onto pixels."""

    low: float
    high: float

    def place(self, ms: float) -> float:
        """The pixel of a time."""
        return round(_LEFT + (ms - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT), 1)

    def ticks(self) -> Iterator[float]:
        """The times that get a line of the grid: about eight of them, of 1, 2 or 5 and zeros."""
        step = 10.0 ** -3
        while (self.high - self.low) / step > 8:
            step *= 2.5 if f"{step:.6e}".startswith("2") else 2
        first = -(-self.low // step)
        return (round((first + number) * step, 3) for number in range(int((self.high - first * step) / step) + 1))


def _title(window: Window) -> str:
    told = [f"{window.opened.packets} got through", f"{window.refused.packets} refused"]
    told += [f"{window.strayed.packets} strayed"] if window.strayed.packets else []
    told += [f"{len(window.broken)} flows broken"] if window.broken else []
    return f"{window.at}: {', '.join(told)}, of {window.packets:,} packets in {window.ms:,.1f} ms"


def _lanes(window: Window) -> list[_Lane]:
    flows = [
        _Lane(f"{'BROKEN ' if flow.broken else ''}{flow.name}", f"{flow.flow}, established: {flow.lost} lost", flow.runs)
        for flow in window.flows
    ]
    loud, quiet = [], []
    for one in window.streams:
        wrong = one.packets(*WRONG)
        if not wrong and one.changed_ms is None:
            quiet.append(one)
            continue
        said = f"{one.stream}: {one.before} before, {one.after} afterwards; {wrong} of {one.packets()} packets wrong"
        loud.append(_Lane(one.stream.name, said, one.runs))
    lanes = [*flows, *loud]
    left = lanes[_MOST:]
    lanes = lanes[:_MOST]
    if left:
        lanes.append(_Lane(f"and {len(left)} more", "; ".join(lane.name for lane in left[:8]), _together(left)))
    if quiet:
        runs = [run for one in quiet for run in one.runs]
        whole = Run(
            State.AS_BEFORE, min((run.start_ms for run in runs), default=0.0), max((run.end_ms for run in runs), default=0.0),
            sum(run.packets for run in runs),
        )  # fmt: skip
        lanes.append(_Lane(f"{len(quiet)} as they should be", f"{whole.packets:,} packets", (whole,) if runs else ()))
    return lanes


def _together(lanes: Sequence[_Lane]) -> tuple[Run, ...]:
    """The runs of several lanes in one, what is wrong on top."""
    states = list(_COLOURS)
    return tuple(sorted((run for lane in lanes for run in lane.runs), key=lambda run: states.index(run.state)))


def _drawn(lane: _Lane, top: float, scale: _Scale) -> Iterator[str]:
    yield _text(_LEFT - 8, top + _BAR - 2, _cut(lane.name, _NAME), anchor="end", said=f"{lane.name}: {lane.said}")
    for run in lane.runs:
        start, end = scale.place(run.start_ms), scale.place(run.end_ms)
        length = round(max(end - start, _LEAST), 1)
        said = f"{lane.said}; {run.packets:,} {run.state}, {run.start_ms:,.3f} to {run.end_ms:,.3f} ms"
        yield (
            f'<rect x="{start}" y="{top}" width="{length}" height="{_BAR}" fill="{_COLOURS[run.state]}">'
            f"<title>{escape(plain(said))}</title></rect>"
        )


def _legend() -> Iterator[str]:
    for number, (state, words) in enumerate(_LEGEND):
        x = 12 + number * 150
        yield f'<rect x="{x}" y="40" width="12" height="12" fill="{_COLOURS[state]}"/>'
        yield _text(x + 18, 50, words)


def _grid(scale: _Scale, bottom: float) -> Iterator[str]:
    for ms in scale.ticks():
        x = scale.place(ms)
        yield f'<line class="grid" x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{bottom}"/>'
        yield _text(x, bottom + 14, f"{ms:g}", anchor="middle")
    yield _text(_WIDTH - _RIGHT, bottom + 30, "ms since T+0", anchor="end")


def _marks(window: Window, marks: Sequence[tuple[str, float]], scale: _Scale, bottom: float) -> Iterator[str]:
    for number, (label, ms) in enumerate(marks, 1):
        x = scale.place(ms)
        yield f'<line class="mark" x1="{x}" y1="{_TOP - 10}" x2="{x}" y2="{bottom}"/>'
        yield _text(x, _TOP - 14, str(number), "small", anchor="middle", said=label)
        yield _text(12, bottom + 34 + number * _LINE, _cut(f"{number}  {ms:,.1f} ms  {label}", 130))
    if len(window.moments) > len(marks):
        yield _text(12, bottom + 34, f"and {len(window.moments) - len(marks)} marks more")


def _cut(text: str, most: int) -> str:
    shown = plain(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start", said: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    told = f"<title>{escape(plain(said))}</title>" if said else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{named}>{told}{escape(plain(text))}</text>'
