"""Programs in a topology: whose command is run, and by whose leave."""

from __future__ import annotations

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel


def test_a_command_of_a_stranger_is_run_by_no_door(project: Project) -> None:
    programs = "programs: [{run: [touch, /run/evil], ready: tcp/21}]"
    project.write("topologies/small.yaml", project.read("topologies/small.yaml").replace("web: {", f"web: {{{programs}, ", 1))
    for command in ("run", "check"):
        told = project.lab(command).ended(2).err
        assert "topologies/small.yaml:" in told
        assert "which was not allowed" in told
    assert "touch ended with 0 before it listens on tcp/21" in project.lab("run", "--allow-commands").ended(3).told
