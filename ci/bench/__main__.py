"""The bench of `lab bench`, and beside it, in the same run, what one would use otherwise."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from all_ports import nmap
from networks import beside
from one_question import peers

from lab.bench.figures import Size
from lab.bench.measure import Group, groups, measure
from lab.bench.picture import picture
from lab.bench.table import table
from lab.errors import LabError
from lab.kernel.ground.privileges import enter
from lab.report.file import check_writable
from lab.report.write import write_all


def main() -> int:
    """Measure and tell; returns the exit code of `lab`."""
    parser = argparse.ArgumentParser(prog="ci/bench/run", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="one group of figures; repeatable")
    parser.add_argument("--runs", type=int, default=5, help="measurements of each whole thing")
    parser.add_argument("--probes", type=int, default=3000, help="probes of each kind")
    parser.add_argument("--quick", action="store_true", help="leave out what is large")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write a plot of them here")
    given = parser.parse_args()
    chosen = groups(given.only, [Group("nmap", nmap), Group("peers", peers), Group("building", beside)])
    for file in (given.json, given.svg):
        if file is not None:
            check_writable(file)
    enter()
    size = Size(given.runs, given.probes, quick=given.quick)
    found = measure(chosen, size, lambda name: print(f"measuring {name}", file=sys.stderr))
    texts = ((given.json, lambda: json.dumps(found.figures, indent=2) + "\n"), (given.svg, lambda: picture(found.figures)))
    write_all((file, text) for file, text in texts if file is not None)
    print(table(found.figures))
    for note in found.notes:
        print(f"note: {note}")
    return found.exit_code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit("\n".join(str(problem) for problem in error.problems))
