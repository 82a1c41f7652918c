"""The files of a policy, found by what names it: in a matrix, or on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.errors import InputError, Problem, Where
from lab.written.files import NOT_ORDINARY, is_ordinary, is_special
from lab.written.messages import did_you_mean
from lab.written.policy import ENDINGS, RULESETS, TEMPLATE, EnvVar, PolicyFiles, PolicySpec, check_inside, short
from lab.written.shipped import advice


def resolve_policy(
    value: PolicySpec | str | Path | Mapping[str, Any], folders: Sequence[Path], where: Where | None = None
) -> PolicyFiles:
    """The files of a policy.

    ``value`` is what the matrix says (a short name, a mapping, or the model), or a ``Path`` from the command line.
    A ``Path`` gives that one file, of the kind that its ending says (``.rules6``, ``.ipset``, ``.nft``, else ``v4``).
    ``folders`` are searched in order, the first that has a file of the policy wins.  Raises InputError.
    """
    if isinstance(value, Path):
        return _from_path(value, folders, where)
    if isinstance(value, str):
        return _named(value, folders, where)
    spec = value if isinstance(value, PolicySpec) else PolicySpec.model_validate(short(value))
    if spec.name is not None:
        return _named(spec.name, folders, where)
    if spec.render is not None:
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is None:
            raise InputError(Problem("there is no policies folder to run the renderer in", where))
        return PolicyFiles(Path(spec.render[0]).name, folder, render=spec.render)
    return _in_full(spec, folders, where)


def _from_path(path: Path, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    if is_special(path):
        raise InputError(Problem(f"{path} {NOT_ORDINARY}", where, "put the file itself in its place"))
    if not is_ordinary(path):
        raise InputError(Problem(f"there is no policy file {str(path)!r}", where, _instead(path, folders)))
    return _of(_stem(path.name), path.parent, {_kind(path.name): path})


def _instead(path: Path, folders: Sequence[Path]) -> str:
    """What was probably meant by a file that is not there: the one of that name among the policies, or one that is like it."""
    found = next((folder / path for folder in folders if is_ordinary(folder / path)), None)
    if found is not None:
        return f"{found} is there: name it with its folder, or {_stem(path.name)} for the whole policy"
    looked = dict.fromkeys((path.parent, *folders))
    there = [file.name for folder in looked for file in _files(folder) if _is_ruleset(file.name)]
    return did_you_mean(path.name, there, f"rulesets in {' and '.join(map(str, looked))}") if there else ""


def _of(name: str, folder: Path, files: Mapping[str, Path]) -> PolicyFiles:
    return PolicyFiles(name, folder, files.get("v4"), files.get("v6"), files.get("ipset"), files.get("nft"))


def _kind(file: str) -> str:
    """The kind of a file by its ending; v4 for one that has none of them."""
    bare = file.removesuffix(TEMPLATE)
    return next((kind for kind, ending in ENDINGS.items() if bare.endswith(ending)), "v4")


def _stem(file: str) -> str:
    bare = file.removesuffix(TEMPLATE)
    return bare.removesuffix(ENDINGS[_kind(file)]) or bare


def _named(name: str, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    try:
        check_inside(name)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        found = {kind: file for kind, ending in ENDINGS.items() if (file := _one(name, ending, kind, folder, where))}
        if not found:
            continue
        for file in found.values():
            _staysinside(file, folder, where)
        if not found.keys() & set(RULESETS):
            what = f"of the policy {name!r} there is only {found['ipset'].name} in {folder}: its ruleset is missing"
            raise InputError(Problem(what, where, f"write one of {_endings(name, RULESETS)} beside it"))
        return _of(name, folder, found)
    files = (path for folder in folders for ending in ENDINGS.values() for path in _both(folder, name, ending))
    special = next(filter(is_special, files), None)
    if special is not None:
        raise InputError(Problem(f"{special} {NOT_ORDINARY}", where, "put the file itself in its place"))
    there = [_stem(path.name) for folder in folders for path in _files(folder) if _is_ruleset(path.name)]
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    what = f"there is no policy {name!r} in {looked}: none of {_endings(name, ENDINGS)}"
    raise InputError(Problem(what, where, advice("policies", name, did_you_mean(name, there, "policies there"))))


def _one(name: str, ending: str, kind: str, folder: Path, where: Where | None) -> Path | None:
    """The policy's file of one kind in a folder; an InputError where it is there as a template and as it is."""
    found = [path for path in _both(folder, name, ending) if is_ordinary(path)]
    if len(found) == 2:
        what = f"the policy {name!r} is there twice, as {found[0].name} and {found[1].name}"
        raise InputError(Problem(what, where, f"say which one: {{{kind}: {found[0].name}}}"))
    return found[0] if found else None


def _both(folder: Path, name: str, ending: str) -> tuple[Path, Path]:
    """A file as a template and as it is."""
    return folder / f"{name}{ending}{TEMPLATE}", folder / f"{name}{ending}"


def _endings(name: str, kinds: Iterable[str]) -> str:
    return ", ".join(f"{name}{ENDINGS[kind]}[{TEMPLATE}]" for kind in kinds)


def _is_ruleset(file: str) -> bool:
    return file.removesuffix(TEMPLATE).endswith(tuple(ENDINGS[kind] for kind in RULESETS))


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return []


def _in_full(spec: PolicySpec, folders: Sequence[Path], where: Where | None) -> PolicyFiles:
    written = spec.files()
    main = next(kind for kind in RULESETS if kind in written)
    folder, path = _find(written[main], folders, where)
    found = {main: path}
    problems: list[Problem] = []
    variables: list[Path | Mapping[str, object] | EnvVar] = []
    for kind in (kind for kind in written if kind != main):
        try:
            found[kind] = _find(written[kind], (folder,), where)[1]
        except InputError as error:
            problems.extend(error.problems)
    for entry in spec.vars:
        if not isinstance(entry, str):
            variables.append(entry)
            continue
        try:
            variables.append(_find(entry, (folder,), where)[1])
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return replace(_of(_stem(path.name), folder, found), vars=tuple(variables), jinja=spec.jinja)


def _find(file: str, folders: Sequence[Path], where: Where | None) -> tuple[Path, Path]:
    try:
        check_inside(file)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        if is_ordinary(path := folder / file):
            _staysinside(path, folder, where)
            return folder, path
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    raise InputError(Problem(f"there is no file {file!r} in {looked}", where, advice("policies", file, "")))


def _staysinside(path: Path, folder: Path, where: Where | None) -> None:
    """Refuse a link that leads out of the policies folder, and a policies folder that is one out of its project."""
    for link, around in ((path, folder), (folder, folder.parent)):
        if not link.resolve().is_relative_to(around.resolve()):
            what = f"{link} is a link that leads out of {around}"
            raise InputError(Problem(what, where, "name the file itself with --policy"))
