"""Runs a program of this folder with an empty /run, where `ip netns` keeps its names: launch.py PROGRAM."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    # the folder's programs must not hide modules of the same name
    sys.path.pop(0)
    runpy.run_path(str(Path(__file__).with_name(sys.argv[1])), run_name="__main__")
