"""What a stranger's texts may hold: rules, sets and tables; what has the tools do more is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.project import Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
TRACE = ("trace", "world", "web-vip", "tcp/443", "--topology", "small", "--policy", "gateway=small-gateway")


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the machine that nobody has written yet."""
    return tmp_path_factory.mktemp("machine") / "written"


@pytest.fixture
def hostile(request: pytest.FixtureRequest, project: Project, outside: Path) -> str:
    """The place of a statement that is no data, in a project that has it."""
    if request.param == "sets":
        project.write("policies/small-gateway.ipset", f"create visitors hash:ip\nsave -f {outside}\n")
        return "policies/small-gateway.ipset:2: `-f` is no option that makes sets"
    if request.param == "rules":
        rules = project.read(POLICY).split("\n")
        number = next(number for number, line in enumerate(rules, start=1) if line.startswith("-A"))
        rules.insert(number, f"-A INPUT -p tcp --modpr={outside} --dport 7 -j DROP")
        project.write(POLICY, "\n".join(rules))
        return f"{POLICY}:{number + 1}: `--modpr={outside}` has iptables run a program"
    if request.param == "template":
        rules = project.read(POLICY).split("\n")
        number = next(number for number, line in enumerate(rules, start=1) if line.startswith("-A"))
        rules.insert(number, "-A INPUT {{ ['-', 'M'] | join }} x -j DROP")
        project.write(POLICY, "\n".join(rules))
        return f"{POLICY}:{number + 1}: `-M` has iptables run a program"
    (project.folder / POLICY).unlink()
    for other in (project.folder / "policies").glob("small-gateway.rules6*"):
        other.unlink()
    project.write("policies/small-gateway.nft", 'include "parts/*.nft"\n')
    project.write("policies/parts/more.nft", "table inet own {\n}\nmonitor\n")
    return "policies/parts/more.nft:3: `monitor` is no statement that makes tables"


@pytest.mark.parametrize(("hostile", "command"), [
    ("sets", ("check",)), ("rules", ("check",)), ("template", ("check",)), ("script", ("check",)),
    ("sets", ("run",)), ("script", TRACE),
], indirect=["hostile"], ids=lambda value: value[0] if isinstance(value, tuple) else value)  # fmt: skip
def test_what_is_no_data_is_refused(project: Project, hostile: str, outside: Path, command: tuple[str, ...]) -> None:
    done = project.lab(*command).ended(2)
    assert hostile in " ".join(done.told.split()), done.told
    assert "take it out" in done.told
    assert not outside.exists()
