"""Repositories that strangers made: git reads what is there, and runs, fetches and writes nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare.revision import revision_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on this machine")
NOBODY = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.net")
RULES = b"*filter\nCOMMIT\n"


class Repository:
    """A bare hand at git's objects: trees that no `git add` would make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q")
        self.rules = self.kept("blob", RULES)

    def git(self, *words: str, given: bytes = b"") -> str:
        done = subprocess.run(["git", *NOBODY, *words], cwd=self.folder, input=given, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def kept(self, kind: str, content: bytes) -> str:
        return self.git("hash-object", "-t", kind, "-w", "--stdin", "--literally", given=content)

    def tree(self, *entries: tuple[str, str, str]) -> str:
        lines = (f"{mode} {name}\0".encode() + bytes.fromhex(blob) for mode, name, blob in entries)
        return self.kept("tree", b"".join(lines))

    def commit(self, *entries: tuple[str, str, str]) -> str:
        return self.git("commit-tree", self.tree(*entries), "-m", "x")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "project").mkdir()
    return Repository(tmp_path / "project")


def refused(repository: Repository, commit: str) -> str:
    with pytest.raises(InputError) as caught, revision_of(commit, repository.folder):
        pass
    return caught.value.problems[0].what


def test_what_a_repository_lacks_is_not_fetched_by_its_own_command(repository: Repository, tmp_path: Path) -> None:
    run = tmp_path / "was-run"
    for key, value in {
        "core.repositoryformatversion": "1", "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": "ssh://localhost/x", "core.sshCommand": f"touch {run};",
    }.items():  # fmt: skip
        repository.git("config", key, value)
    lacking = repository.commit(("40000", "policies", repository.tree(("100644", "edge.rules", "1" * 40))))
    assert "git has no content of 'policies/edge.rules'" in refused(repository, lacking)
    assert not run.exists()


def test_a_file_of_a_tree_that_leads_out_is_not_written(repository: Repository, tmp_path: Path) -> None:
    up = repository.tree(("100644", "owned", repository.rules))
    out = str(tmp_path / "owned")
    link = repository.kept("blob", b"/etc")
    commit = repository.commit(
        ("100644", out, repository.rules), ("40000", "..", up), ("120000", "link", link),
        ("100644", "edge.rules", repository.rules),
    )  # fmt: skip
    with revision_of(commit, repository.folder) as (folder, _):
        assert [file.name for file in folder.parent.rglob("*") if file.is_file()] == ["edge.rules"]
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(("name", "why"), [("policies/x", "File exists"), ("n" * 300, "File name too long")])
def test_files_that_no_folder_can_have_are_told(repository: Repository, name: str, why: str) -> None:
    commit = repository.commit(("100644", "policies", repository.rules), ("100644", name, repository.rules))
    assert refused(repository, commit).endswith(f"no folder can have that beside its others: {why}")


def test_a_tree_that_another_calls_a_file(repository: Repository) -> None:
    commit = repository.commit(("100644", "edge.rules", repository.tree()))
    assert "git has no content of 'edge.rules'" in refused(repository, commit)


def test_a_tree_of_endless_trees_ends(repository: Repository) -> None:
    tree = repository.tree(("100644", "edge.rules", repository.rules))
    for _ in range(9):
        tree = repository.tree(*(("40000", f"d{number}", tree) for number in range(10)))
    assert "has more to say than" in refused(repository, repository.commit(("40000", "d", tree)))
