"""The script that takes a snapshot of a host; it is a file of this package, so that it can be read and checked as one."""

from __future__ import annotations

from importlib.resources import files

_LAST = 'main "$@"\n'


def snapshot_script(*, conntrack: bool = False) -> str:
    """Its text; with ``conntrack`` it takes the tracked flows too."""
    text = files("lab.twin").joinpath("snapshot.sh").read_text(encoding="utf-8")
    return text.removesuffix(_LAST) + 'main --conntrack "$@"\n' if conntrack else text
