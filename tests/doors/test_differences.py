"""``lab diff``: two files, a policy in the place of a matrix's, a revision of git, a change."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from lab.report.wire.schema import diff_schema
from tests.doors.project import Project

pytestmark = pytest.mark.kernel

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
POLICY = "policies/small-gateway.rules.j2"
CHANGE = """change: CHG-9
topology: small
rev: HEAD
new: {gateway: small-gateway}
intends:
  - {name: the trial, from: world, to: 10.0.2.10, service: tcp/8444, expect: allow}
holds: [small]
"""
GIT = ("git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.net")


def git(project: Project, *words: str) -> None:
    subprocess.run([*GIT, *words], cwd=project.folder, check=True, capture_output=True)


@pytest.fixture
def committed(project: Project) -> Project:
    """The small project with all that is in it committed."""
    if shutil.which("git") is None:
        pytest.skip("git is not on this machine")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "as it was")
    return project


def opened(project: Project) -> str:
    """The policy with a rule that lets in more than what was translated."""
    return project.read(POLICY).replace("--dport 8443 -m conntrack --ctstate DNAT", "--dport 8443:8444")


def widened(project: Project) -> None:
    project.write(POLICY, opened(project))


def test_two_dumps_of_one_host(project: Project) -> None:
    for name in ("docker-host.rules", "docker-host-next.rules"):
        shutil.copy(EXAMPLES / name, project.folder)
    of = {"--json": "d.json", "--markdown": "d.md", "--sarif": "d.sarif", "--annotations": "d.txt", "--client-script": "d.sh"}
    reports = [word for pair in of.items() for word in pair]
    done = project.lab("diff", "docker-host.rules", "docker-host-next.rules", *reports).ended(1)
    assert done.out.splitlines()[0].startswith("3 classes of flows differ: 2 close, 1 is by another rule alone")
    assert "now dropped by filter:DOCKER-USER:1 (database owner=platform CHG-1187)  [docker-host-next.rules:47]" in done.out
    document = json.loads(project.read("d.json"))
    jsonschema.validate(document, diff_schema())
    (found,) = document["diffs"]
    assert [one["closes"] for one in found["differences"]] == [True, True, False], "the published port, and the server itself"
    assert found["denied"] == []
    assert json.loads(project.read("d.sarif"))["runs"][0]["results"][0]["level"] == "warning"
    assert "## What the change changes" in project.read("d.md")
    assert "docker-host-next.rules,line=47" in project.read("d.txt")
    assert project.read("d.sh").startswith("#!/bin/sh\n")


def test_a_ruleset_against_itself_on_both_backends(project: Project) -> None:
    shutil.copy(EXAMPLES / "docker-host.rules", project.folder)
    same = project.lab("diff", "docker-host.rules", "docker-host.rules").ended(0)
    assert same.out.startswith("nothing differs")
    both = project.lab("diff", "docker-host.rules", "docker-host.rules", "--backend", "both")
    if both.code == 4:
        pytest.skip(both.err)
    assert "nothing" in both.ended(0).out.splitlines()[0]


def test_every_policy_that_git_says_differs(committed: Project) -> None:
    assert "gateway on small" in committed.lab("diff", "HEAD").ended(0).out
    widened(committed)
    done = committed.lab("diff", "HEAD").ended(1)
    assert "gateway of small: HEAD (" in done.out
    assert f"(publish-web)  [{POLICY}:11]" in done.out
    assert "OPENS" in done.out
    wrong = committed.lab("diff", "no-such-branch").ended(2)
    assert "git knows no revision 'no-such-branch' here" in wrong.err


def test_a_policy_of_another_name_is_compared_with_the_one_that_its_matrix_gave(committed: Project) -> None:
    committed.write(POLICY.replace("small", "other"), opened(committed))
    matrix = committed.read("matrices/small.yaml")
    assert "gateway: small-gateway" in matrix
    committed.write("matrices/small.yaml", matrix.replace("gateway: small-gateway", "gateway: other-gateway"))
    done = committed.lab("diff", "HEAD").ended(1)
    assert "OPENS" in done.out


def test_backends_are_compared_where_nothing_else_differs(committed: Project) -> None:
    done = committed.lab("diff", "HEAD", "--backend", "both", "--json", "d.json")
    if done.code == 4:
        pytest.skip(done.err)
    document = json.loads(committed.read("d.json"))
    assert (done.ended(0).code, document["same"], [one["node"] for one in document["diffs"]]) == (0, [], ["gateway"])


def test_what_only_one_side_has_is_no_equality(committed: Project) -> None:
    committed.write(POLICY.replace("small", "other"), opened(committed))
    matrix = committed.read("matrices/small.yaml").replace("gateway: small-gateway", "gateway: other-gateway")
    committed.write("matrices/other.yaml", matrix.replace("matrix: small", "matrix: other"))
    done = committed.lab("diff", "HEAD", "--json", "d.json", "--markdown", "d.md", "--annotations", "d.txt").ended(1)
    assert done.out.startswith("NOT COMPARED  matrices/other.yaml: its policies as at HEAD (")
    (apart,) = json.loads(committed.read("d.json"))["apart"]
    assert "there is no policy 'other-gateway' in policies: " in apart
    assert "not compared" in committed.read("d.md")
    assert "::warning title=netfilter-lab::not compared: matrices/other.yaml" in committed.read("d.txt")
    git(committed, "add", "-A")
    git(committed, "commit", "-qm", "both")
    (committed.folder / "matrices" / "other.yaml").unlink()
    gone = committed.lab("diff", "HEAD").ended(1)
    assert "NOT COMPARED  matrices/other.yaml: it is gone since HEAD" in gone.out


def test_a_template_that_was_wrong_is_named_as_the_project_names_it(committed: Project) -> None:
    fine = committed.read(POLICY)
    committed.write(POLICY, f"{fine}{{% no-such-tag %}}\n")
    git(committed, "commit", "-qam", "wrong")
    committed.write(POLICY, fine)
    done = committed.lab("diff", "HEAD").ended(1)
    line = len(fine.splitlines()) + 1
    assert f"cannot be told: {POLICY}:{line}: the template is not Jinja2: Encountered unknown tag" in done.out
    committed.write("changes/CHG-9.yaml", CHANGE)
    done = committed.lab("diff", "--change", "changes/CHG-9.yaml").ended(2)
    assert done.err.startswith(f"{POLICY}:{line}: the template is not Jinja2: Encountered unknown tag")


def test_a_topology_that_differs_is_told(committed: Project) -> None:
    file = next((committed.folder / "topologies").glob("*.yaml"))
    file.write_text(f"{file.read_text()}\n# another line\n")
    done = committed.lab("diff", "HEAD").ended(0)
    assert f"topologies/{file.name} is not as it was at HEAD: both sides stand on that of the work tree" in done.out


def test_a_file_in_the_place_of_a_matrix_policy(project: Project) -> None:
    project.write("new.rules.j2", opened(project))
    done = project.lab("diff", "new.rules.j2", "--matrix", "matrices/small.yaml").ended(1)
    assert "OPENS" in done.out
    assert "what is new.rules.j2 compared with?" in project.lab("diff", "new.rules.j2").ended(2).err
    assert "what is compared?" in project.lab("diff").ended(2).err


def test_a_change_says_what_was_meant(committed: Project) -> None:
    widened(committed)
    committed.write("changes/CHG-9.yaml", CHANGE)
    done = committed.lab("diff", "--change", "changes/CHG-9.yaml", "--json", "d.json")
    (found,) = json.loads(committed.read("d.json"))["diffs"]
    assert found["change"] == "CHG-9"
    assert done.out.splitlines()[-1].startswith("INTENDED ")
