"""The files of a policy, found by what names it: in a matrix, or on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from lab.errors import InputError, Problem, Where
from lab.written.files import NOT_ORDINARY, is_ordinary, is_special
from lab.written.messages import did_you_mean
from lab.written.policy import (
    ENDINGS,
    RULESETS,
    TEMPLATE,
    EnvVar,
    Includes,
    Instead,
    Piped,
    PolicyFiles,
    PolicySpec,
    check_inside,
    short,
)
from lab.written.shipped import advice

Given = Instead | tuple[Instead, ...]
"""What a person gives one node."""


class Found(NamedTuple):
    """What was found for a node outside of a matrix, and whether it is a ``whole`` policy, to which nothing is added."""

    files: PolicyFiles
    whole: bool


def resolve_given(node: str, given: Given, folders: Sequence[Path]) -> Found:
    """What a person gives a node in the place of its policy: a whole policy, or files and pipes, one of each kind.

    A name is looked for as a matrix's is, a path from the working folder on, then from the policies folders and those that
    they are in.  Raises InputError, which tells what was looked for and what is there.
    """
    several = given if isinstance(given, tuple) else (given,)
    if not several:  # a host that holds no rules
        return Found(PolicyFiles(node, Path()), whole=True)
    found = [_given(one, folders) for one in several]
    if len(found) == 1:
        return found[0]
    if any(one.whole for one in found):
        names = " and ".join(one.files.name for one in found)
        what = f"{node} is given {names}: a whole policy stands alone"
        raise InputError(Problem(what, mend=f"name one policy, or one file of each kind: {', '.join(ENDINGS.values())}"))
    kinds: dict[str, Path | Piped] = {}
    for one, said in zip(found, several, strict=True):
        for kind, file in one.files.sources().items():
            if kind in kinds:
                what = f"{node} is given two rulesets of one kind ({kind}): {shown(kinds[kind])} and {shown(said)}"
                raise InputError(Problem(what, mend="name one of them, or put them together"))
            kinds[kind] = file
    first = next((one.files for one in found if one.files.nft is not None), found[0].files)
    return Found(_of(first.name, first.folder, kinds), whole=False)


def and_what_is_left_out(loaded: PolicyFiles, given: Found) -> PolicyFiles:
    """The files that are ``loaded``, with a note of what lies beside those that were ``given`` alone, and is not."""
    return loaded if given.whole else replace(loaded, notes=tuple(_left_out(given.files, loaded)))


def shown(given: Instead | Path) -> str:
    """What a message calls it."""
    return given.shown if isinstance(given, Piped) else str(given)


def short_name(given: Given) -> str:
    """What stands for it where a matrix has a policy's name."""
    first = given[0] if isinstance(given, tuple) else given
    return Path(shown(first)).name or shown(first)


def _given(value: Instead, folders: Sequence[Path]) -> Found:
    if isinstance(value, Piped):
        return Found(_of(value.shown, Path(), {value.kind: value}), whole=False)
    if "/" in value or value.endswith((TEMPLATE, *ENDINGS.values())) or is_ordinary(Path(value)):
        return _by_path(Path(value), folders)
    return Found(_named(value, folders, None), whole=True)


def resolve_policy(
    value: PolicySpec | str | Mapping[str, Any], folders: Sequence[Path], where: Where | None = None
) -> PolicyFiles:
    """The files of a policy.

    ``value`` is what the matrix says: a short name, a mapping, or the model.
    ``folders`` are searched in order, the first that has a file of the policy wins.  Raises InputError.
    """
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


def _by_path(path: Path, folders: Sequence[Path]) -> Found:
    """A file, wherever the path leads from; else the whole policy that has this name in the folder that it leads to."""
    places = _places(path, folders)
    for place in places:
        if is_special(place):
            raise InputError(Problem(f"{place} {NOT_ORDINARY}", mend="put the file itself in its place"))
        if is_ordinary(place):
            return Found(_of(_stem(place.name), place.parent, {_kind(place.name): place}), whole=False)
    for place in places:
        if path.name and any(_all_of(place.parent, path.name)):
            return Found(_named(path.name, (place.parent,), None), whole=True)
    looked = [folder for folder in dict.fromkeys((*(place.parent for place in places), *folders)) if _files(folder)]
    there = [file.name for folder in looked for file in _files(folder) if _is_ruleset(file.name)]
    what = f"there is no policy file {str(path)!r}: looked for {', '.join(map(str, places))}"
    near = did_you_mean(path.name, there, f"rulesets in {' and '.join(map(str, looked))}") if there else ""
    raise InputError(Problem(what, mend=advice("policies", _stem(path.name), near)))


def _places(path: Path, folders: Sequence[Path]) -> list[Path]:
    """Where a path may lead, in the order that is looked in: policies are named from their folder on, or with it."""
    if path.is_absolute():
        return [path]
    return list(dict.fromkeys((path, *(root / path for folder in folders for root in (folder, folder.parent)))))


def _left_out(given: PolicyFiles, loaded: PolicyFiles) -> Iterator[str]:
    for name in dict.fromkeys(_stem(path.name) for path in given.files().values()):
        alone = [path for path in given.files().values() if _stem(path.name) == name]
        beside = [path for folder in dict.fromkeys(path.parent for path in alone) for path in _all_of(folder, name)]
        left = [path.name for path in beside if loaded.sources().get(_kind(path.name)) not in (path, *alone)]
        if left:
            was, it = ("was", "it") if len(alone) == 1 else ("were", "them")
            named, others = (" and ".join(names) for names in ([path.name for path in alone], left))
            yield f"{named} {was} named alone: {others} beside {it} {'is' if len(left) == 1 else 'are'} not loaded"


def _all_of(folder: Path, name: str) -> list[Path]:
    """The ordinary files that a policy of this name has in a folder."""
    return [path for ending in ENDINGS.values() for path in _both(folder, name, ending) if is_ordinary(path)]


def _of(name: str, folder: Path, files: Mapping[str, Path | Piped]) -> PolicyFiles:
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
            _stays_inside(file, folder, where)
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
    for entry in filter(None, spec.includes.values()):
        if not is_ordinary(folder / entry) and not (folder / entry).is_dir():
            mend = "make it; or write null in its place, where nothing lies there"
            problems.append(Problem(f"there is no folder {entry!r} in {folder} that includes are in", where, mend))
        else:
            _stays_inside(folder / entry, folder, where)
    if problems:
        raise InputError(problems)
    includes = Includes(folder, {PurePosixPath(host): here for host, here in spec.includes.items()})
    return replace(_of(_stem(path.name), folder, found), vars=tuple(variables), jinja=spec.jinja, includes=includes)


def _find(file: str, folders: Sequence[Path], where: Where | None) -> tuple[Path, Path]:
    try:
        check_inside(file)
    except ValueError as error:
        raise InputError(Problem(str(error), where)) from None
    for folder in folders:
        if is_ordinary(path := folder / file):
            _stays_inside(path, folder, where)
            return folder, path
    looked = ", ".join(str(folder) for folder in folders) or "no folder"
    raise InputError(Problem(f"there is no file {file!r} in {looked}", where, advice("policies", file, "")))


def _stays_inside(path: Path, folder: Path, where: Where | None) -> None:
    """Refuse a link that leads out of the policies folder, and a policies folder that is one out of its project."""
    for link, around in ((path, folder), (folder, folder.parent)):
        if not link.resolve().is_relative_to(around.resolve()):
            what = f"{link} is a link that leads out of {around}"
            raise InputError(Problem(what, where, "name the file itself with --policy"))
