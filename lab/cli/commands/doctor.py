"""``lab doctor``: what this machine can and cannot do, each line with the command that mends it."""

from __future__ import annotations

import sys

from lab.cli.command import Job, command


@command(Job.PREPARE, "Say what this machine can and cannot do, and what mends it.")
def doctor() -> None:
    """Say what this machine can and cannot do, and what mends it."""
    from lab.errors import MachineError, gravest
    from lab.kernel.doctor import State, examine
    from lab.kernel.ground.privileges import enter

    enter()
    missing = False
    for found in examine():
        missing = missing or found.state is State.MISSING
        print(f"{found.state.upper():8} {found.name}: {found.found}")
        if found.mend and found.state is not State.OK:
            print(f"         mend: {found.mend}")
    sys.exit(gravest([MachineError.exit_code] if missing else []))
