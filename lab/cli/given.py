"""What commands are given beside their own options: matrices, policies, a topology, and how policies are rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab.cli.files import FOLDER, assignments, ids_among, is_missing, matrix_file, matrix_files
from lab.cli.meant import no_such_file
from lab.errors import InputError, Problem

if TYPE_CHECKING:
    from lab.errors import LabError
    from lab.prepare.plan import Plan
    from lab.prepare.policies import Rendering
    from lab.prepare.scene import Scene
    from lab.prepare.twins import Dumps
    from lab.record.host import Host
    from lab.ruleset.backend import Backend
    from lab.twin.twin import Twin
    from lab.written.policy import Instead, Piped


def dumps(
    twin: Sequence[str] | None, addr: Sequence[str] | None, route: Sequence[str] | None, rule: Sequence[str] | None, *,
    alone: bool = False,
) -> Dumps | None:  # fmt: skip
    """What ``--twin`` and its like name; None where there is no twin.

    Raises InputError for the others without it, unless they may stand ``alone``.
    """
    if not twin and not alone:
        if addr or route or rule:
            raise InputError(Problem("--addr, --route and --rule belong to --twin RULES", mend="--twin fw.rules"))
        return None
    from lab.prepare.twins import Dumps

    return Dumps(tuple(twin or ()), tuple(addr or ()), tuple(route or ()), tuple(rule or ()))


class Selection(NamedTuple):
    """Which cells, on which backends; ``pasted`` are ids of cells.

    ``last_failed``: of these those that failed when they were last run, if any did.
    """

    families: tuple[int, ...]
    backends: Sequence[Backend]
    expression: str | None = None
    last_failed: bool = False
    pasted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """The words of the command line; ``matrices`` are those of its arguments and of ``--matrix``.

    ``dumps`` are those of ``--twin`` and its like.  ``came`` is what was read of the pipes that it names, ``hosts`` what of
    the dumps.  ``lab`` is the name of one that is up, which is asked in the place of one that is built.
    """

    matrices: Sequence[Path] = ()
    policy: Sequence[str] | None = None
    topology: str | None = None
    mend: bool = False
    allow_commands: bool = False
    shipped: bool = False
    without_macs: bool = False
    dumps: Dumps | None = None
    came: dict[int, tuple[Piped, ...]] = field(default_factory=dict)
    hosts: list[Host] = field(default_factory=list)
    lab: str | None = None

    def named(self) -> list[Path]:
        """The files that are named: a report must not go over one of them."""
        values = [one.partition("=")[2] or one for one in self.policy or ()]
        policies = [Path(value) for value in values if value != "-"]
        dumped = self.dumps.named() if self.dumps else []
        return [*self.matrices, *policies, *([Path(self.topology)] if self.topology else []), *dumped]

    def and_ids(self) -> tuple[Given, tuple[str, ...]]:
        """What is given without the ids of cells among it, and these."""
        files, pasted = ids_among(self.matrices)
        return replace(self, matrices=files), pasted

    def files(self) -> list[Path]:
        """The matrix files; raises InputError where there is none."""
        return matrix_files(self.matrices, shipped=self.shipped)

    def about(self, topology: str) -> list[Path]:
        """The files of all matrices that there are about a topology of this name; raises InputError for one that is wrong.

        None of them is about a file.
        """
        from lab.written.load import load_matrix

        if topology.endswith((".yaml", ".yml")) or not (self.shipped or Path(FOLDER).is_dir()):
            return []
        return [file for file in matrix_files((), shipped=self.shipped) if load_matrix(file).topology == topology]

    def plans(self, chosen: Selection) -> tuple[list[Plan], list[LabError]]:
        """The plans of the files, raising as `make_plans` does, and what no file is to blame for."""
        from lab.prepare.plan import Choices
        from lab.prepare.plans import make_plans
        from lab.ruleset.backend import Backend
        from lab.run.last_failed import last_failed, only_failed

        self._topology_is_there()
        policies, rendering = self._policies(), self.rendering(Backend.NFT)
        choices = Choices(
            chosen.expression, policies, self.topology, chosen.families, rendering, self.shipped, chosen.pasted,
            self._read_hosts(),
        )  # fmt: skip
        backends = chosen.backends
        if self.lab is not None:
            from lab.cli.standing import standing

            choices = replace(choices, standing=standing(self, backends))
            backends = (choices.standing.backend,) if choices.standing is not None else backends
        unforeseen: list[LabError] = []
        plans = make_plans(self.files(), choices, backends, unforeseen)
        return only_failed(plans, last_failed(Path.cwd())) if chosen.last_failed else plans, unforeseen

    def whole_plans(self, chosen: Selection) -> list[Plan]:
        """The plans of all files; raises what stops one of them."""
        plans, unforeseen = self.plans(chosen)
        if unforeseen:
            raise unforeseen[0]
        return plans

    def scene(self, backend: Backend) -> Scene:
        """The topology and the policies that a single question is asked on; raises InputError."""
        from lab.prepare.scene import find_scene

        if self.dumps:
            return self._twin_scene(backend)
        self._topology_is_there()
        matrix = matrix_file(self.matrices[0], shipped=self.shipped) if self.matrices else None
        if matrix is not None and is_missing(matrix):
            raise no_such_file(matrix)
        candidates = matrix_files((), shipped=self.shipped) if matrix is None and self.topology is None else ()
        policies, rendering = self._policies(), self.rendering(backend)
        return find_scene(matrix, self.topology, policies, candidates=candidates, rendering=rendering, shipped=self.shipped)

    def twin(self, named: str | None = None) -> Twin:
        """The twin of the dumped hosts, of which the first is called ``named``; raises InputError."""
        from lab.prepare.twins import twin_from

        return twin_from(self._read_hosts(), named)

    def _read_hosts(self) -> tuple[Host, ...]:
        """What the dumps say; a pipe among them can be read once."""
        if self.dumps and not self.hosts:
            from lab.prepare.twins import hosts_of

            if self.topology:
                raise InputError(Problem("--twin and --topology: either names the network"))
            self.hosts.extend(hosts_of(self.dumps))
        return tuple(self.hosts)

    def _twin_scene(self, backend: Backend) -> Scene:
        from lab.prepare.scene import twin_scene

        if self.matrices:
            what = "--twin and --matrix: either names the network"
            raise InputError(Problem(what, mend="`lab run MATRIX --twin FILE` runs a matrix on a twin"))
        scene = twin_scene(self.twin(), self._policies(), rendering=self.rendering(backend))
        others = [host.name for host in self.hosts if host.backend not in (None, backend.value)]
        other = "nft" if backend.value == "legacy" else "legacy"
        how = f"on the host iptables-{other} holds the rules: --backend {other} asks as there"
        return replace(scene, beside=(*scene.beside, *(f"{name}: {how}" for name in others)))

    def _topology_is_there(self) -> None:
        """Raise InputError where a file is named that is not: once, not for each matrix."""
        named = Path(self.topology or "")
        if named.suffix in (".yaml", ".yml") and is_missing(named):
            raise no_such_file(named, "topologies")

    def _policies(self) -> dict[str, tuple[Instead, ...]]:
        from lab.prepare.piped import taken

        return taken(assignments(self.policy or ()), self.came)

    def rendering(self, backend: Backend) -> Rendering:
        """How policies are rendered."""
        from lab.prepare.policies import Rendering

        mend = self.mend or self.without_macs
        return Rendering(backend, mend=mend, without_macs=self.without_macs, allow_commands=self.allow_commands)
