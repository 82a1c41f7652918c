"""What a change changes, and the twin of a dump: whole commands on rulesets as people have them; beside the longer way round.

That is an exposure before and one after, of which the second is compared with the first.
"""

from __future__ import annotations

import random
import re
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.bench.figures import Found, Size
from lab.bench.inputs import project_of, text_of
from lab.bench.processes import Ended, run_lab

_PLANTED = 20
_PATIENCE_S = 300
_PORT = re.compile(r"(--dport )(\d+)\b")


def changes(size: Size) -> Found:
    """`lab diff` of a pair and of a ruleset with itself, `lab trace --twin`; what they are beside two exposures."""
    with tempfile.TemporaryDirectory() as place:
        old, new, same, large, planted = (Path(place) / f"{name}.rules" for name in ("old", "new", "same", "large", "planted"))
        text = text_of("branches.rules", limits=True).text
        old.write_text(text)
        new.write_text(with_slips(text, 5))
        same.write_text(f"# the same\n{text}")
        found = [
            _ended("diff_s", ("diff", str(old), str(new)), size.few(3), 1),
            _ended("diff_itself_s", ("diff", str(old), str(same)), size.few(3), 0),
            _ended("trace_twin_s", ("trace", "self", "192.0.2.7", "tcp/443", "--twin", str(old)), size.few(3), 0),
        ]
        if not size.quick:
            text = text_of("campus.rules", limits=True).text
            large.write_text(text)
            planted.write_text(with_slips(text, _PLANTED))
            found += [_ended("diff_campus_s", ("diff", str(large), str(planted)), 1, 1, memory="diff_campus_mb")]
            found += [_beside(text_of("branches.rules", limits=True).text, found[0])]
    return Found({key: value for one in found for key, value in one.figures.items()}, sum((one.notes for one in found), ()))


def with_slips(text: str, count: int) -> str:
    """The ruleset with ``count`` of its ports one higher, here and there, the same each time.

    >>> with_slips("-A INPUT -p tcp --dport 22 -j ACCEPT", 1)
    '-A INPUT -p tcp --dport 23 -j ACCEPT'
    """
    lines = text.split("\n")
    able = [number for number, line in enumerate(lines) if line.startswith("-A") and _PORT.search(line)]
    for number in random.Random(count).sample(able, min(count, len(able))):
        lines[number] = _PORT.sub(lambda found: f"{found[1]}{int(found[2]) % 65_535 + 1}", lines[number], count=1)
    return "\n".join(lines)


def _ended(key: str, command: Sequence[str], runs: int, code: int, memory: str | None = None) -> Found:
    """The median of some runs, which all have to end with ``code``."""
    ended = [run_lab(*command, patience_s=_PATIENCE_S) for _ in range(runs)]
    wrong = next((one for one in ended if one.code != code), None)
    if wrong is not None:
        note = f"`lab {command[0]}` ended with {wrong.code} after {wrong.seconds:.0f} s"
        return Found({key: None} | ({memory: None} if memory else {}), (note,))
    peak = {memory: max(one.peak_mb for one in ended)} if memory else {}
    return Found({key: statistics.median(one.seconds for one in ended)} | peak)


def _beside(text: str, of: Found) -> Found:
    """Two exposures of the same pair, as a multiple of the difference."""
    took = of.figures.get("diff_s")
    with project_of("branches") as matrix:
        before = matrix.with_name("before.json")
        first = run_lab("exposure", str(matrix), "--json", str(before), patience_s=_PATIENCE_S)
        (policy,) = (matrix.parents[1] / "policies").glob("branches.rules*")
        policy.write_text(with_slips(text, 5))
        second = run_lab("exposure", str(matrix), "--against", str(before), patience_s=_PATIENCE_S)
    if not isinstance(took, float) or not _well(first, second):
        return Found({"diff_ratio": None}, ("two exposures of branches did not come to an end",))
    return Found({"diff_ratio": (first.seconds + second.seconds) / took})


def _well(first: Ended, second: Ended) -> bool:
    return first.code == 0 and second.code in (0, 1)
