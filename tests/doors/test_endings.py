"""However a run ends, the reports that were asked for are there, and none of them is yesterday's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from lab.report.wire.schema import exposure_schema, result_schema, sweep_schema
from tests.doors.project import DEADLINE_S, Ended, Nobody, Project
from tests.doors.test_exit_codes import BLIND

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
FILES = ("r.json", "r.xml", "r.md", "r.txt")
REPORTS = ("--json", "r.json", "--junit", "r.xml", "--markdown", "r.md", "--annotations", "r.txt")
YESTERDAY = "all is green\n"
IN_CELL_4 = """
import os, signal
if signal.{0} != signal.SIGKILL and signal.getsignal(signal.{0}) == signal.SIG_IGN:
    signal.signal(signal.{0}, signal.SIG_DFL)  # as nohup and a shell's background jobs leave it
from lab.run import matrix_run
way_of, asked = matrix_run.way_of, []
def stop(one, asker):
    asked.append(one)
    if len(asked) == 4:
        os.kill(os.getpid(), signal.{0})
    return way_of(one, asker)
matrix_run.way_of = stop
"""
WHILE_RENDERING = """
import os, signal
from lab.prepare import plans
plans.expand_file = lambda *_: os.kill(os.getpid(), signal.SIGINT)
"""
AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {0!r}:
            for _ in range({1}):
                os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""
THRICE = """
import os, signal
from lab.prepare import plans
def stop(*_):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
plans.expand_file = stop
"""
WITHOUT_RIGHTS = """
from lab.errors import MachineError, Problem
from lab.kernel.ground import privileges
def enter(): raise MachineError(Problem("no right"))
privileges.enter = enter
"""
NO_SECOND_LAB = """
from lab.run import labs
built = []
class Lab(labs.Lab):
    def __init__(self, *arguments, **options):
        built.append(self)
        if len(built) > 1:
            raise OSError(24, "Too many open files")
        super().__init__(*arguments, **options)
labs.Lab = Lab
"""
IN_A_DESTRUCTOR = """
import os, signal
from lab.run import matrix_run
class Gone:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
class Way:
    @staticmethod
    def ask(one, asker):
        Gone()
        while True:
            asker.labs.shared.probe("world", "web", "udp/53")
matrix_run.way_of = lambda one, asker: Way
"""
UNFORESEEN_IN_CELL_2 = """
from lab.run import matrix_run
way_of = matrix_run.way_of
def fail(one, asker):
    if one.service.proto == "tcp" and "{0}" in one.id:
        raise {1}
    return way_of(one, asker)
matrix_run.way_of = fail
"""


def results(project: Project) -> dict[str, Any]:
    """The JSON of the run, valid, with every other report beside it, and nothing but reports."""
    loaded: dict[str, Any] = json.loads(project.read("r.json"))
    jsonschema.Draft202012Validator(result_schema()).validate(loaded)
    root = ElementTree.parse(project.folder / "r.xml").getroot()
    assert {item.get("value") for item in root.iter("property") if item.get("name") == "lab.exit"} <= {str(loaded["exit_code"])}
    assert project.read("r.md").startswith("## Firewall matrices: ")
    assert YESTERDAY not in "".join(map(project.read, FILES))
    assert list(project.folder.glob(".lab*")) == []
    return loaded


def run_after_yesterday(project: Project, *arguments: str, code: str = "") -> Ended:
    """``lab run`` in a folder that has the reports of yesterday."""
    for name in FILES:
        project.write(name, YESTERDAY)
    return project.lab_with(code, "run", *REPORTS, *arguments)


@pytest.mark.parametrize(
    ("arguments", "place"),
    [((), f"{MATRIX}:11"), (("no.yaml",), "no.yaml"), (("-k", "nowhere"), "selects no cell"), (("--policy", "x"), "NODE=FILE")],
)
def test_an_input_error_is_in_every_report(project: Project, arguments: tuple[str, ...], place: str) -> None:
    if not arguments:
        project.edit(MATRIX, "expect: allow", "expect: alow")
    run_after_yesterday(project, *arguments).ended(2)
    said = results(project)
    assert (said["exit_code"], said["cells"]) == (2, [])
    assert place in said["problems"][0]
    assert "did not run" in project.read("r.md").splitlines()[0]
    error = ElementTree.parse(project.folder / "r.xml").find(".//error")
    assert error is not None
    assert place in str(error.text)
    assert project.read("r.txt").startswith(f"::error file={MATRIX},line=11," if not arguments else "::error ")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_leaves_what_was_finished(project: Project, name: str, code: int) -> None:
    done = run_after_yesterday(project, code=IN_CELL_4.format(name)).ended(code)
    said = results(project)
    assert (said["exit_code"], said["interrupted"]) == (code, True)
    assert [cell["result"] for cell in said["cells"]] == ["passed"] * 3
    assert "interrupted: the numbers are of the cells that were finished" in done.out
    assert "3 cells: 3 passed" in done.out.splitlines()[-1]
    root = ElementTree.parse(project.folder / "r.xml").getroot()
    assert (root.get("tests"), root.get("errors")) == ("4", "1")  # who reads these two alone must not see green
    assert project.read("r.txt").startswith("::error title=netfilter-lab::interrupted")


def test_a_kill_leaves_reports_that_say_so(project: Project) -> None:
    project.lab("run", *REPORTS).ended(0)
    assert results(project)["exit_code"] == 0
    project.lab_with(IN_CELL_4.format("SIGKILL"), "run", *REPORTS).ended(-signal.SIGKILL)
    said = results(project)
    assert (said["exit_code"], said["cells"]) == (3, [])
    assert "this run did not finish" in said["problems"][0]


def test_ctrl_c_while_matrices_are_rendered(project: Project) -> None:
    done = run_after_yesterday(project, code=WHILE_RENDERING).ended(130)
    said = results(project)
    assert (said["exit_code"], said["interrupted"], said["problems"]) == (130, True, ["interrupted"])
    assert done.err == "interrupted\n"


@pytest.mark.parametrize(("module", "times"), [("lab.cli.ending", 1), ("typer", 2), ("pydantic", 1), ("lab.written.load", 2)])
def test_ctrl_c_during_start_up(project: Project, module: str, times: int) -> None:
    done = project.lab_with(AT_IMPORT.format(module, times), "run", *REPORTS).ended(130)
    assert "interrupted" in done.err
    assert done.out == ""
    assert (project.folder / "r.json").exists() == (module != "lab.cli.ending")
    if module != "lab.cli.ending":
        assert results(project)["interrupted"] is True


def test_a_wrong_option_leaves_no_report_of_yesterday(project: Project) -> None:
    project.lab("run", *REPORTS).ended(0)
    assert "--famly" in project.lab("run", "--famly", "4", *REPORTS).ended(2).err
    assert "did not finish" in results(project)["problems"][0]


@pytest.mark.parametrize(
    "command",
    ["sweep world web-vip tcp/440-445 --json", "trace world web-vip tcp/443 --json", "exposure --save", "exposure --json"],
)
def test_a_wrong_option_leaves_no_sweep_and_no_exposure_of_yesterday(project: Project, command: str) -> None:
    words = command.split()
    project.lab("sweep", "world", "web-vip", "tcp/440-445", "--json", "r.json").ended(0)
    project.lab(*words, "r.json", "--famly", "4").ended(2)
    said = json.loads(project.read("r.json"))
    assert (said["exit_code"], said["interrupted"]) == (3, True)


def test_a_signal_that_python_swallows_comes_again(project: Project) -> None:
    done = run_after_yesterday(project, code=IN_A_DESTRUCTOR).ended(130)
    assert results(project)["interrupted"] is True
    assert "ignored" not in done.err


def test_the_third_signal_ends_it_at_once(project: Project) -> None:
    done = run_after_yesterday(project, code=THRICE).ended(130)
    assert "once more ends this at once" in done.err


@pytest.mark.parametrize("code", [0, 1])
def test_a_reader_who_has_gone_changes_nothing(project: Project, code: int) -> None:
    if code:
        project.edit(POLICY, "-m conntrack --ctstate DNAT -m comment", "-m conntrack --ctstate INVALID -m comment")
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-c", "from lab.cli.main import main; main()", "run", *REPORTS]
    done = subprocess.run(
        command, cwd=project.folder, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=False
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (code, "")
    assert results(project)["exit_code"] == code
    assert len(results(project)["cells"]) == 7


def test_a_full_disk_loses_no_other_report(project: Project) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", "from lab.cli.main import main; main()", "run", *REPORTS]
        done = subprocess.run(
            command, cwd=project.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=False
        )
    assert (done.returncode, done.stderr) == (4, "not all could be printed: No space left on device\n")
    assert results(project)["exit_code"] == 0
    ended = project.lab("run", "--json", "/dev/full", *REPORTS[2:]).ended(4)
    assert ended.err == "/dev/full cannot be written: No space left on device (ENOSPC)\n"
    assert project.read("r.md").startswith("## Firewall matrices: all as expected")


def test_what_the_run_reads_is_not_written_over(project: Project) -> None:
    text = project.read(POLICY)
    done = project.lab("run", "--json", POLICY, "--markdown", "r.md").ended(2)
    assert f"{POLICY} is read by this command" in done.err
    assert project.read(POLICY) == text
    assert f"{POLICY} is read by this command" in project.read("r.md")


def test_a_folder_that_takes_no_file(open_project: Project, nobody: Nobody) -> None:
    closed = open_project.folder / "closed"
    closed.mkdir()
    own = open_project.write("closed/own.json", YESTERDAY)
    own.chmod(0o666)
    closed.chmod(0o555)
    done = nobody.lab("run", "--json", "closed/r.json", "--markdown", "r.md").ended(2)
    assert done.err == "closed/r.json cannot be written: Permission denied (EACCES)\n"
    assert "closed/r.json cannot be written" in open_project.read("r.md")
    nobody.lab("run", "--json", "closed/own.json").ended(0)
    assert json.loads(own.read_text())["exit_code"] == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("OSError(24, 'Too many open files')", "the system says: Too many open files (EMFILE)"),
        ("RecursionError('deep')", "unforeseen RecursionError: deep in "),
    ],
)
def test_a_cell_that_fails_leaves_the_others(project: Project, error: str, words: str) -> None:
    second = project.read(MATRIX).replace("matrix: small", "matrix: second")
    project.write("matrices/second.yaml", second)
    done = run_after_yesterday(project, code=UNFORESEEN_IN_CELL_2.format("second::no shell", error)).ended(3)
    said = results(project)
    outcomes = {cell["id"]: cell["result"] for cell in said["cells"]}
    assert len(outcomes) == 14
    assert [cell for cell, outcome in outcomes.items() if outcome != "passed"] == ["second::no shell[world->web-vip tcp/22]"]
    assert words in done.out
    assert said["exit_code"] == 3


def test_a_lab_that_cannot_be_built_again_leaves_what_was_finished(project: Project) -> None:
    code = UNFORESEEN_IN_CELL_2.format("no shell", "OSError(24, 'Too many open files')") + NO_SECOND_LAB
    run_after_yesterday(project, code=code).ended(4)
    said = results(project)
    assert [cell["result"] for cell in said["cells"]] == ["passed"] + ["error"] * 6
    assert "Too many open files (EMFILE)" in said["problems"][0]
    assert "ulimit -n" in said["problems"][0]


def test_a_blind_instrument_and_missing_rights_are_in_the_reports(project: Project) -> None:
    run_after_yesterday(project, code=BLIND).ended(3)
    assert results(project)["exit_code"] == 3
    run_after_yesterday(project, code=WITHOUT_RIGHTS).ended(4)
    assert (results(project)["exit_code"], results(project)["problems"]) == (4, ["no right"])


def test_the_json_of_a_sweep_at_every_end(project: Project) -> None:
    project.write("r.json", YESTERDAY)
    project.lab("sweep", "world", "nowhere", "tcp/1-9", "--json", "r.json").ended(2)
    said = json.loads(project.read("r.json"))
    jsonschema.validate(said, sweep_schema())
    assert (said["exit_code"], said["sweeps"]) == (2, [])
    assert "'nowhere'" in said["problems"][0]
    project.lab("sweep", "world", "web-vip", "tcp/440-445", "--json", "r.json").ended(0)
    said = json.loads(project.read("r.json"))
    jsonschema.validate(said, sweep_schema())
    assert (said["exit_code"], said["problems"], len(said["sweeps"])) == (0, [], 1)


def test_the_json_of_an_exposure_at_every_end(project: Project) -> None:
    project.write("r.json", YESTERDAY)
    project.edit(MATRIX, "expect: allow", "expect: alow")
    done = project.lab("exposure", "--save", "r.json", "--markdown", "-").ended(2)
    assert done.out.startswith("## What is exposed: ")
    said = json.loads(project.read("r.json"))
    assert json.loads(project.lab("exposure", "--json", "-").ended(2).out) == said
    jsonschema.validate(said, exposure_schema())
    assert (said["exit_code"], said["problem_records"][0]["line"]) == (2, 11)
    project.edit(MATRIX, "expect: alow", "expect: allow")
    assert "did not finish" in project.lab("exposure", "--against", "r.json").ended(2).err


def test_what_an_exposure_is_compared_with_goes_only_for_a_finished_one(project: Project) -> None:
    project.write("r.json", "kept")
    project.lab("exposure", "--save", "r.json", "--against", "r.json").ended(2)
    assert project.read("r.json") == "kept"
