"""Machines of their own to end labs in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import MachineError
from lab.kernel.ground.privileges import require
from tests.doors.project import LAB
from tests.safety.machine import PRIVATE

DEADLINE_S = 300
INSIDE = Path(__file__).with_name("inside.py")
ROOT = INSIDE.parent.parent.parent
Reports = Callable[..., list[dict[str, Any]]]
_MACHINE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_NETWORK = """
ip link set lo up
ip link add out type veth peer name far
ip link set out address 02:00:00:00:00:01 up
ip link set far address 02:00:00:00:00:02 up
ip address add 192.0.2.1/24 dev out
ip neighbour add 192.0.2.254 lladdr 02:00:00:00:00:02 dev out nud permanent
ip route add default via 192.0.2.254
ip rule add pref 1000 from 192.0.2.9 lookup main
nft add table inet own
nft add chain inet own sent '{ type filter hook output priority 0; policy accept; }'
"""


@pytest.fixture(scope="session", autouse=True)
def _may_build_labs() -> None:
    try:
        require()
    except MachineError as error:
        pytest.skip(str(error))


def in_a_machine_of_its_own(
    what: str, *numbers: int, lab: Sequence[str], network: bool = False, code: str = ""
) -> list[dict[str, Any]]:
    """Runs ``inside.py`` in a pid and mount namespace of its own; with ``network``, in a network of its own as well.

    With ``code`` the lab is a process where that has been run before.
    """
    used = [Path(sys.prefix).resolve(), ROOT.resolve()]
    folders = [place for place in PRIVATE if Path(place).is_dir() and not any(path.is_relative_to(place) for path in used)]
    script = "set -e\n"
    if network:
        script += f"for one in all default; do echo 1 > /proc/sys/net/ipv6/conf/$one/disable_ipv6; done\n{_NETWORK}"
    script += "".join(f"mount -t tmpfs empty {folder}\n" for folder in folders) + 'exec "$@"\n'
    machine = [*_MACHINE, *(["--net"] if network else []), "sh", "-c", script, "machine"]
    inside = [sys.executable, str(INSIDE), what, ",".join(folders), *map(str, numbers), "--"]
    inside += [sys.executable, "-c", f"{code}\nfrom lab.cli.main import main\nmain()\n", *lab] if code else [LAB, *lab]
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    done = subprocess.run(
        [*machine, *inside], cwd=ROOT, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def in_a_machine() -> Reports:
    """What `in_a_machine_of_its_own` runs."""
    return in_a_machine_of_its_own
