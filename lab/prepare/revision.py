"""A project as it was at a revision of git: its files, laid out in a folder of their own that goes when it is left.

git is asked for what it stores, by `ls-tree` and `cat-file`, which run no hook, filter or command of anybody.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Event, Timer
from typing import IO, cast

from lab.errors import InputError, MachineError, Problem
from lab.kernel.ground.tools import need

_MOST_FILES = 10_000
_MOST_BYTES = 64 * 2**20
_MOST_LISTED = 16 * 2**20  # bytes of names: a tree that has itself ten times, twenty deep, has more files than there are atoms
_SECONDS = 20
_FILE = ("100644", "100755")  # neither symbolic links nor other repositories
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
    # a repository may say that what it lacks is fetched, and by which command (git-config(1), core.sshCommand)
    "GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1",
}  # fmt: skip
_NO_SUCH_FILE = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
_IN_FOLDER = "start the command in the folder that has matrices/ and policies/"
_SHOWN = 60
_MOST_WORDS = 2_000  # bytes of a complaint


@contextmanager
def revision_of(word: str, project: Path) -> Iterator[tuple[Path, str]]:
    """The project's folder as it was at a revision, and the revision's short name; raises InputError.

    What the block raises as InputError names files as `in_the_project` does.
    """
    found = _git(project, ["rev-parse", "--verify", "--quiet", f"{word}^{{commit}}"]) if not word.startswith("-") else None
    if found is None or found.returncode:
        raise InputError(_unknown(word, project))
    commit = found.stdout.decode().strip()
    with TemporaryDirectory(prefix="lab-revision-") as made:
        folder = Path(made) / project.resolve().name
        folder.mkdir()
        _lay_out(project, commit, folder)
        try:
            yield folder, commit[:12]
        except InputError as error:
            raise in_the_project(error, folder) from None


def said_by_git(project: Path, words: Sequence[str]) -> str | None:
    """The one line that git answers with (``config``, ``rev-parse``); None where there is no git, or it says nothing."""
    try:
        found = _git(project, words, most=_MOST_WORDS)
    except MachineError:
        return None
    said = found.stdout[:_MOST_WORDS].decode(errors="replace").strip()
    return None if found.returncode or not said else said.splitlines()[0]


def in_the_project(error: InputError, folder: Path) -> InputError:
    """The error with the names that files of the ``folder`` of a revision have in the project."""

    def named(text: str) -> str:
        return text.replace(f"{folder}/", "")

    return InputError(
        Problem(named(one.what), one.where and replace(one.where, file=named(one.where.file)), named(one.mend))
        for one in error.problems
    )


def _unknown(word: str, project: Path) -> Problem:
    inside = _git(project, ["rev-parse", "--git-dir"])
    said = inside.stderr.decode(errors="replace").strip()
    if inside.returncode == 0:
        mend = "`git log` lists them; `git fetch` brings those of others"
        return Problem(f"git knows no revision {_short(word)} here", mend=mend)
    if "not a git repository" in said:
        what = f"{_short(word)} is no file, and {project} is no git repository"
        return Problem(what, mend="name two files: lab diff OLD NEW")
    why, _, mend = said.removeprefix("fatal: ").partition("\n")  # as of a folder that is somebody else's
    return Problem(f"git does not read {project}: {why}", mend=" ".join(mend.split()))


def _lay_out(project: Path, commit: str, folder: Path) -> None:
    listed = _asked(project, ["ls-tree", "-r", "-z", "-l", commit, "."], most=_MOST_LISTED)
    wanted: list[tuple[str, Path]] = []
    size = 0
    for entry in listed.split(b"\0"):
        head, tab, name = entry.partition(b"\t")
        if not tab:
            continue
        mode, _, blob, length = head.decode().split()
        if mode in _FILE and ".." not in Path(os.fsdecode(name)).parts and not name.startswith(b"/"):
            if not length.isdigit():
                raise InputError(_lacks(commit, name))
            wanted.append((blob, folder / os.fsdecode(name)))
            size += int(length)
    if len(wanted) > _MOST_FILES or size > _MOST_BYTES:
        what = f"the project has {len(wanted)} files of {size // 2**20} MiB at {commit[:12]}: a folder of its own is wanted"
        raise InputError(Problem(what, mend=_IN_FOLDER))
    _write(project, commit, folder, wanted)


def _lacks(commit: str, name: bytes) -> Problem:
    what = f"git has no content of {_short(os.fsdecode(name))} at {commit[:12]}"
    return Problem(what, mend="where it is a partial clone, fetch all of it: git fetch --refetch --no-filter; else: git fsck")


def _write(project: Path, commit: str, folder: Path, wanted: Sequence[tuple[str, Path]]) -> None:
    names = "".join(f"{blob}\n" for blob, _ in wanted).encode()
    content = memoryview(_asked(project, ["cat-file", "--batch"], names, most=2 * _MOST_BYTES))
    at = 0
    for _, path in wanted:
        name = str(path.relative_to(folder))
        end = bytes(content[at : at + 200]).index(b"\n") + at
        _, kind, *length = bytes(content[at:end]).decode().split()
        if kind != "blob":  # `missing`, or a tree that another tree calls a file
            raise InputError(_lacks(commit, os.fsencode(name)))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content[end + 1 : end + 1 + int(length[0])])
        except OSError as error:
            if error.errno not in _NO_SUCH_FILE:
                raise
            what = f"{commit[:12]} has the file {_short(name)}, and no folder can have that beside its others: {error.strerror}"
            raise InputError(Problem(what, mend="name another revision")) from None
        at = end + 1 + int(length[0]) + 1


def _short(name: str) -> str:
    return repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}…"


def _asked(project: Path, words: Sequence[str], given: bytes = b"", *, most: int) -> bytes:
    done = _git(project, words, given, most=most)
    if len(done.stdout) > most:
        raise InputError(Problem(f"git {words[0]} has more to say than {most // 2**20} MiB of this project", mend=_IN_FOLDER))
    if done.returncode:
        raise MachineError(Problem(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}"))
    return done.stdout


def _git(
    project: Path, words: Sequence[str], given: bytes = b"", *, most: int = _MOST_LISTED
) -> CompletedProcess[bytes]:
    """What git says, or of more than ``most`` bytes the beginning."""
    need("git")
    with TemporaryFile() as asked, TemporaryFile() as complained:
        asked.write(given)
        asked.seek(0)
        environment = {**os.environ, **_ENVIRONMENT}
        with Popen(["git", *words], cwd=project, stdin=asked, stdout=PIPE, stderr=complained, env=environment) as git:
            late = Event()

            def end() -> None:
                late.set()
                git.kill()

            watch = Timer(_SECONDS, end)
            watch.start()
            said = b""
            try:
                said = cast("IO[bytes]", git.stdout).read(most + 1)
                if len(said) <= most:
                    git.wait()
            finally:
                git.kill()
                watch.cancel()
                watch.join()  # who enters a namespace of users has one thread (unshare(2))
        complained.seek(0)
        if late.is_set():
            what = f"git {words[0]} took longer than {_SECONDS} s: what it is asked to tell of has no end, or the disk is slow"
            raise MachineError(Problem(what))
        return CompletedProcess(words, git.returncode, said, complained.read(_MOST_WORDS))
