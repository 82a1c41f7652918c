"""Runs commands and prints the seconds that each group of them took.

Standard input is JSON, a list of groups; a group is a list of [ARGUMENTS, STDIN].
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence


def run(group: Sequence[tuple[list[str], str]]) -> float:
    """The seconds of one group."""
    start = time.perf_counter()
    for arguments, given in group:
        subprocess.run(arguments, input=given.encode(), check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps([run(group) for group in json.load(sys.stdin)]))
