"""What is gathered for a bundle is written once, and says who, when and of what."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.cli.evidence import NO_EVIDENCE, begin
from lab.errors import InputError
from lab.evidence.keeping import Keeping, Wanted, author
from lab.evidence.verify import verified
from lab.report.wire.evidence import Outcome

PASSED = Outcome(exit_code=0, passed=1, failed=0, said="1 of 1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    return tmp_path


def in_git(project: Path, branch: str) -> None:
    for words in (("init", "-q", "-b", branch), ("config", "user.name", "Anna"), ("config", "user.email", "anna@shop.example")):
        subprocess.run(["git", *words], cwd=project, check=True)
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "x"], cwd=project, check=True)


def test_names_of_any_text_are_files_of_their_own(project: Path) -> None:
    keeping = Keeping(Wanted(project / "kept"), "run", ["run", "--evidence", "kept"])
    for content in (b"1", b"2", b"3"):
        keeping.add(content, "failed", "edge::web[a->b tcp/1].pcapng")
    keeping.add(lambda: b"made late", "..", "/etc/passwd")
    keeping.add(b"4", "x" * 500 + ".txt")
    keeping.note("a note")
    written = keeping.write(PASSED, {"kernel": "6.18"})
    assert keeping.write(PASSED, {}) == written
    assert list((project / "kept").iterdir()) == [written.folder]
    files = {str(path.relative_to(written.folder)): path.read_bytes() for path in written.folder.rglob("*") if path.is_file()}
    assert {name: content for name, content in files.items() if name not in ("manifest.json", "SHA256SUMS")} == {
        "failed/edge_web_a-_b_tcp_1_.pcapng": b"1", "failed/edge_web_a-_b_tcp_1_-2.pcapng": b"2",
        "failed/edge_web_a-_b_tcp_1_-3.pcapng": b"3", "_/_etc_passwd": b"made late", "x" * 90 + ".txt": b"4",
    }  # fmt: skip
    found = verified(written.folder).manifest
    assert found is not None
    assert (found.notes, found.arguments, found.ticket) == (("a note",), ("run", "--evidence", "kept"), None)
    assert found.begun <= found.ended


@pytest.mark.parametrize(
    ("branch", "asked", "change", "ticket"),
    [
        ("CHG-7-supplier", None, None, "CHG-7"), ("fix/NET-1042", None, None, "NET-1042"), ("main", None, None, None),
        ("CHG-7", None, "CHG-8", "CHG-8"), ("CHG-7", "CHG-9", "CHG-8", "CHG-9"),
    ],
)  # fmt: skip
def test_the_ticket_is_what_was_said_else_the_changes_else_the_branchs(
    project: Path, branch: str, asked: str | None, change: str | None, ticket: str | None
) -> None:
    in_git(project, branch)
    written = Keeping(Wanted(project / "kept", ticket=asked), "diff", []).write(PASSED, {}, change)
    found = verified(written.folder).manifest
    assert found is not None
    assert found.ticket == ticket
    assert written.folder.name.endswith(f"-{ticket or 'diff'}")
    assert found.revision is not None
    assert len(found.revision) == 40


def test_who_is_the_one_who_called_sudo(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "root")
    assert (author(project).user, author(project).git) == ("root", None)
    monkeypatch.setenv("SUDO_USER", "anna")
    in_git(project, "main")
    assert (author(project).user, author(project).git) == ("anna", "Anna <anna@shop.example>")
    for name in ("SUDO_USER", "USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    assert author(project).user != ""


def test_a_folder_that_takes_no_bundle_is_told_before_anything_else(project: Path) -> None:
    (project / "file").write_text("mine")
    with pytest.raises(InputError, match="is no folder"):
        Keeping(Wanted(project / "file"), "run", [])
    keeping = Keeping(Wanted(project / "kept", key=project / "none"), "run", [])
    with pytest.raises(InputError, match="no key"):
        keeping.write(PASSED, {})
    assert list((project / "kept").iterdir()) == []


@pytest.mark.parametrize(("key", "ticket", "told"), [(Path("key"), None, "--key"), (None, "CHG-1", "--ticket")])
def test_who_signs_and_what_for_belong_to_a_bundle(key: Path | None, ticket: str | None, told: str) -> None:
    assert begin(NO_EVIDENCE, "run") is None
    with pytest.raises(InputError, match=f"{told} belongs to --evidence DIR"):
        begin((None, key, ticket), "run")
