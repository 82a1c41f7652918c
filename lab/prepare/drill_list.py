"""The drills that there are, as their files say of themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from lab.errors import InputError
from lab.record.drill import DrillList, ListedDrill
from lab.written.drill_file import read_drill


def listed(files: Mapping[str, Path], levels: Collection[int] = (), roles: Collection[str] = ()) -> DrillList:
    """The drills in these files that are of one of the levels and for one of the roles, if such are given; easy ones first.

    A file that is wrong is told, and keeps none of the others away.
    """
    found: list[ListedDrill] = []
    problems: list[str] = []
    for file in files.values():
        try:
            _, said = read_drill(file)
        except InputError as error:
            problems += map(str, error.problems)
            continue
        if (levels and said.level not in levels) or (roles and not set(roles) & set(said.roles)):
            continue
        found.append(ListedDrill(said.drill, said.about, said.level, said.roles, said.minutes, said.seeds, str(file)))
    return DrillList(tuple(sorted(found, key=lambda one: (one.level, one.name))), tuple(problems))
