"""A project as it was at a revision of git: its files, laid out in a folder of their own that goes when it is left.

git is asked for what it stores, by `ls-tree` and `cat-file`, which run no hook, filter or command of anybody.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.tools import need

_MOST_FILES = 10_000
_MOST_BYTES = 64 * 2**20
_SECONDS = 60
_FILE = ("100644", "100755")  # neither symbolic links nor other repositories
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def is_revision(word: str, folder: Path) -> bool:
    """Whether a word names a revision of the repository that a folder is in."""
    return not word.startswith("-") and _git(folder, ["rev-parse", "--verify", "--quiet", f"{word}^{{commit}}"]).returncode == 0


@contextmanager
def revision_of(word: str, project: Path) -> Iterator[tuple[Path, str]]:
    """The project's folder as it was at a revision, and the revision's short name; raises InputError."""
    found = _git(project, ["rev-parse", "--verify", "--quiet", f"{word}^{{commit}}"]) if not word.startswith("-") else None
    if found is None or found.returncode:
        inside = _git(project, ["rev-parse", "--git-dir"]).returncode == 0
        mend = "`git log` lists them; `git fetch` brings those of others" if inside else "name two files: lab diff OLD NEW"
        what = f"git knows no revision {word!r} here" if inside else f"{word!r} is no file, and {project} is no git repository"
        raise InputError(Problem(what, mend=mend))
    commit = found.stdout.decode().strip()
    with TemporaryDirectory(prefix="lab-revision-") as made:
        folder = Path(made) / project.resolve().name
        folder.mkdir()
        _lay_out(project, commit, folder)
        yield folder, commit[:12]


def _lay_out(project: Path, commit: str, folder: Path) -> None:
    listed = _asked(project, ["ls-tree", "-r", "-z", "-l", commit, "."])
    wanted: list[tuple[str, Path]] = []
    size = 0
    for entry in listed.split(b"\0"):
        head, tab, name = entry.partition(b"\t")
        if not tab:
            continue
        mode, _, blob, length = head.decode().split()
        if mode in _FILE and ".." not in Path(os.fsdecode(name)).parts and not name.startswith(b"/"):
            wanted.append((blob, folder / os.fsdecode(name)))
            size += int(length)
    if len(wanted) > _MOST_FILES or size > _MOST_BYTES:
        what = f"the project has {len(wanted)} files of {size // 2**20} MiB at {commit[:12]}: a folder of its own is wanted"
        raise InputError(Problem(what, mend="start the command in the folder that has matrices/ and policies/"))
    _write(project, wanted)


def _write(project: Path, wanted: Sequence[tuple[str, Path]]) -> None:
    names = "".join(f"{blob}\n" for blob, _ in wanted).encode()
    content = memoryview(_asked(project, ["cat-file", "--batch"], names))
    at = 0
    for blob, path in wanted:
        end = bytes(content[at : at + 200]).index(b"\n") + at
        kind, length = bytes(content[at:end]).decode().split()[1:]
        assert kind == "blob", f"{blob} is a {kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[end + 1 : end + 1 + int(length)])
        at = end + 1 + int(length) + 1


def _asked(project: Path, words: Sequence[str], given: bytes | None = None) -> bytes:
    done = _git(project, words, given)
    if done.returncode:
        raise MachineError(Problem(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}"))
    return done.stdout


def _git(project: Path, words: Sequence[str], given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    need("git")
    try:
        return subprocess.run(
            ["git", *words], cwd=project, input=given, capture_output=True, timeout=_SECONDS, check=False,
            env={**os.environ, **_ENVIRONMENT},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MachineError(Problem(f"git {words[0]} took longer than {_SECONDS} s")) from None
