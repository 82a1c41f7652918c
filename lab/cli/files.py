"""Which matrix files a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.cli.meant import no_such_file
from lab.errors import InputError, Problem
from lab.prepare.near import is_pasted
from lab.written.files import is_ordinary
from lab.written.shipped import OPTION, shipped_matrix, shipped_root

FOLDER = "matrices"


def matrix_files(named: Sequence[Path], *, shipped: bool = False) -> list[Path]:
    """The files that were named (a folder stands for its ``*.yaml``), else all of ``matrices/``.

    With ``shipped`` a name may be that of a shipped matrix, and without any these are taken too, but for those that have the
    name of one in ``matrices/``.  Nothing of what is shipped is taken otherwise: InputError where there is nothing.
    """
    if not named and shipped:
        return own_and_shipped()
    named = named or [_own()]
    found: list[Path] = []
    problems: list[Problem] = []
    for path in [matrix_file(path, shipped=shipped) for path in named]:
        if is_missing(path):
            problems += no_such_file(path).problems
            continue
        inside = _inside(path) if _is_folder(path) else [path]
        if not inside:
            problems.append(Problem(f"{path} holds no matrix", mend="`lab init` lays out an example"))
        found += inside
    if problems:
        raise InputError(problems)
    return found


def own_and_shipped() -> list[Path]:
    """The files of ``matrices/``, if there are any, and behind them the shipped ones with other names."""
    found: dict[str, Path] = {}
    for path in (*_inside(Path(FOLDER)), *_inside(shipped_root() / FOLDER)):
        found.setdefault(path.name, path)
    return [*found.values()]


def _inside(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def matrix_file(path: Path, *, shipped: bool) -> Path:
    """The file that is meant: the shipped matrix of that name, where there is no such file and ``shipped`` allows it."""
    return (shipped_matrix(str(path)) if shipped and not is_ordinary(path) and not _is_folder(path) else None) or path


def ids_among(words: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """The matrices that are named, and the ids that were pasted in the place of one; pytest's name the file in them."""
    files: dict[Path, None] = {}
    pasted: list[str] = []
    for word in words:
        if not is_pasted(str(word)) or is_ordinary(word) or _is_folder(word):
            files[word] = None
            continue
        pasted.append(str(word))
        file = Path(str(word).partition("::")[0])
        if file.suffix in (".yaml", ".yml"):
            files[file] = None
    return list(files), tuple(pasted)


def is_missing(path: Path) -> bool:
    """Whether nothing is there, and standard input is not meant."""
    try:
        path.lstat()
    except FileNotFoundError:
        return str(path) != "-"
    except (OSError, ValueError):
        return False  # what is wrong with it is told when it is read
    return False


def _is_folder(path: Path) -> bool:
    """Whether it is one; what cannot even be looked at is told when it is read."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _own() -> Path:
    own = Path(FOLDER)
    if not own.is_dir():
        what = f"no matrix is named, and {Path.cwd()} has no folder {FOLDER}/"
        mend = f"name a matrix; or `lab init` lays out an example; or {OPTION} takes what is shipped"
        raise InputError(Problem(what, mend=mend))
    return own


def assignments(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``NODE=FILE`` options as a mapping, in the order written; InputError for one that is not of that form."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        node, equals, file = text.partition("=")
        if not equals or not node or not file:
            raise InputError(Problem(f"--policy {text!r} is not NODE=FILE", mend="--policy gateway=policies/new.rules.j2"))
        found[node] = (*found.get(node, ()), file)
    return found
