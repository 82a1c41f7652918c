"""``lab doctor``: what this machine can and cannot do, each line with the command that mends it."""

from __future__ import annotations

import sys


def doctor() -> None:
    """Say what this machine can and cannot do, and what mends it."""
    from lab.kernel.doctor import State, examine
    from lab.kernel.ground.privileges import enter

    enter()
    missing = False
    for found in examine():
        missing = missing or found.state is State.MISSING
        print(f"{found.state.upper():8} {found.name}: {found.found}")
        if found.mend and found.state is not State.OK:
            print(f"         mend: {found.mend}")
    sys.exit(4 if missing else 0)
