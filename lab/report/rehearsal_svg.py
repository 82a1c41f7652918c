"""The windows of rehearsals as one picture, one below the other."""

from __future__ import annotations

import re

from lab.record.rehearsal import Rehearsals
from lab.report.window_svg import window_svg

_SIZE = re.compile(r'^<svg [^>]*?width="(\d+)" height="(\d+)"')
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'


def rehearsals_svg(told: Rehearsals) -> str:
    """The pictures of all that have a window; an empty picture where none has."""
    pictures = [window_svg(one.window).strip() for one in told.done if one.window is not None]
    if len(pictures) == 1:
        return pictures[0] + "\n"
    placed, width, top = [], 0, 0
    for picture in pictures:
        found = _SIZE.match(picture)
        assert found is not None, "a picture says how large it is"
        placed.append(picture.replace(_NAMESPACE, "", 1).replace("<svg", f'<svg y="{top}"', 1))
        width, top = max(width, int(found[1])), top + int(found[2])
    head = f'<svg{_NAMESPACE} class="netfilter-lab" width="{width}" height="{top}" viewBox="0 0 {width} {top}">'
    return "\n".join([head, *placed, "</svg>", ""])
