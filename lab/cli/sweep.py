"""``lab sweep FROM TO``: every port, or every source, and what became of its packet."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.choices import NFT, BackendChoice, FamilyChoice, Shipped
from lab.errors import gravest

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.prepare.scene import Scene
    from lab.ruleset.backend import Backend
    from lab.sweep.fates import SweepTally

ALL_PORTS = "1-65535"
CONSTANTS = "constants"


class GearChoice(StrEnum):
    """``--gear``."""

    RULE = "rule"
    VERDICT = "verdict"


def sweep(
    sender: Annotated[str, typer.Argument(metavar="FROM", help="node, node@interface, role:R, net:N, name, address, prefix.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="As FROM.")],
    service: Annotated[str | None, typer.Argument(metavar="SERVICE", help="tcp/1-1024,8080; without it all ports.")] = None,
    tcp: Annotated[bool, typer.Option("--tcp", help="All TCP ports; this is the default.")] = False,
    udp: Annotated[bool, typer.Option("--udp", help="All UDP ports.")] = False,
    both: Annotated[bool, typer.Option("--both", help="All ports of both.")] = False,
    sources: Annotated[
        str | None, typer.Option(help="FILE of prefixes, or 'constants' for those of the rulesets: ask SERVICE from each edge.")
    ] = None,
    gear: Annotated[GearChoice, typer.Option(help="rule names the rule of every port; verdict only counts.")] = GearChoice.RULE,
    topology: Annotated[str | None, typer.Option(help="The topology; by default that of the matrix.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="NODE=FILE: a node's policy.")] = None,
    matrix: Annotated[Path | None, typer.Option(help="The matrix whose topology and policies are used.")] = None,
    source: Annotated[str | None, typer.Option(help="Send from this address, owned by the sender or not.")] = None,
    family: Annotated[FamilyChoice | None, typer.Option(help="4, 6 or both; by default that of the ends, IPv4 first.")] = None,
    backend: Annotated[BackendChoice, typer.Option(help="Which iptables loads the rulesets.")] = NFT,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")] = None,
    mend: Annotated[bool, typer.Option("--mend", help="Repair dumps as `lab run --mend` does.")] = False,
    allow_commands: Annotated[bool, typer.Option("--allow-commands", help="Let policies run their own renderers.")] = False,
    shipped: Shipped = False,
) -> None:
    """Send a packet to every port (or from every source) and show which verdict and rule each met."""
    from lab.cli.ending import Failure, finish, reported
    from lab.report.run_json import json_text
    from lab.report.sweep import begin_sweeps, sweeps_json
    from lab.report.write import check_apart, write_all

    found: list[dict[str, object]] = []
    lost = False
    inputs = [Path(one) for one in (matrix, topology, sources) if one]

    def write(failure: Failure) -> None:
        if json_file is not None and json_file.resolve() not in {path.resolve() for path in inputs}:
            written = sweeps_json(found, failure.exit_code, failure.problems, interrupted=failure.interrupted)
            write_all([(json_file, lambda: json_text(written))])

    with reported(write):
        if json_file is not None:
            check_apart([json_file], inputs)
            begin_sweeps(json_file)
        services = _services(service, tcp=tcp or not (udp or both), udp=udp or both, both=both, of_sources=sources is not None)
        chosen = _Chosen(matrix, topology, tuple(policy or ()), mend=mend, allow_commands=allow_commands, shipped=shipped)
        asked = _Asked(sender, target, source, sources, gear, family.families if family is not None else (None,))
        for one in backend.backends:
            for title, result in chosen.swept(one, asked, services):
                lost = lost or bool(result["lost"])
                found.append({"of": title, "backend": str(one), **result})
    code = gravest((3,) if lost else ())
    finish(code, lambda: write(Failure((), code)), lambda: None)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What the command line says of the lab to build."""

    matrix: Path | None
    topology: str | None
    policies: tuple[str, ...]
    mend: bool
    allow_commands: bool
    shipped: bool

    def swept(self, backend: Backend, asked: _Asked, services: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
        """Each sweep in a lab of this backend, behind the notes, printed."""
        from lab.cli.files import assignments, matrix_file, matrix_files
        from lab.kernel.ground.privileges import enter
        from lab.lab import Lab
        from lab.prepare.policies import Rendering
        from lab.prepare.scene import find_scene
        from lab.report.plain import plain

        shipped = self.shipped
        matrix = self.matrix and matrix_file(self.matrix, shipped=shipped)
        candidates = matrix_files((), shipped=shipped) if matrix is None and self.topology is None else ()
        rendering = Rendering(backend, mend=self.mend, allow_commands=self.allow_commands)
        policies = assignments(self.policies)
        scene = find_scene(matrix, self.topology, policies, candidates=candidates, rendering=rendering, shipped=shipped)
        enter()
        with Lab(scene.topology, scene.policies, backend=backend) as lab:
            notes = scene.notes(asked.families(lab, services))
            for note in notes:
                print(f"note: {plain(note)}")
            yield from asked.sweeps(lab, scene, services, notes)


def _services(service: str | None, *, tcp: bool, udp: bool, both: bool, of_sources: bool) -> list[str]:
    from lab.errors import InputError, Problem

    if service is not None:
        if udp or both:
            raise InputError(Problem("a service and --udp or --both: one of them says what is swept"))
        return [service]
    if of_sources:
        raise InputError(Problem("which service is asked from all sources?", mend="lab sweep FROM TO tcp/443 --sources FILE"))
    return [f"{proto}/{ALL_PORTS}" for proto, wanted in (("tcp", tcp or both), ("udp", udp)) if wanted]


class _Asked:
    """What the command line asks, whatever the backend."""

    def __init__(
        self, sender: str, target: str, source: str | None, sources: str | None, gear: GearChoice,
        families: Sequence[int | None],
    ) -> None:  # fmt: skip
        self._sender, self._target, self._source, self._sources = sender, target, source, sources
        self._gear, self._families = gear, families

    def sweeps(
        self, lab: Lab, scene: Scene, services: Sequence[str], notes: Sequence[str]
    ) -> Iterator[tuple[str, dict[str, object]]]:
        """Each sweep with its title, printed as soon as it is done; Ctrl-C prints what was finished."""
        from lab.record.sweep import Gear
        from lab.report.sweep import sweep_json
        from lab.sweep.fates import SweepTally

        for family in self._families:
            for service in services:
                tally = SweepTally()
                title = f"{self._sender} > {self._target} {service}{f' IPv{family}' if family else ''}"
                try:
                    lab.sweep(
                        self._sender, self._target, service, gear=Gear(self._gear), source=self._source,
                        sources=self._prefixes(scene, family or self._family(lab, service)), family=family, tally=tally,
                    )  # fmt: skip
                except KeyboardInterrupt:
                    self._print(f"{title} (interrupted: only what was finished)", tally)
                    raise
                self._print(title, tally)
                result = tally.result()
                yield title, sweep_json(replace(result, notes=(*result.notes, *notes)))

    def families(self, lab: Lab, services: Sequence[str]) -> list[int]:
        """The families of its packets."""
        return sorted({family or self._family(lab, service) for family in self._families for service in services})

    def _family(self, lab: Lab, service: str) -> int:
        return lab.asked(self._sender, self._target, service, source=self._source).family

    def _prefixes(self, scene: Scene, family: int) -> tuple[str, ...]:
        from lab.study.sources import constants, read_prefixes, with_edges

        if self._sources is None:
            return ()
        named = constants(scene.policies.values()) if self._sources == CONSTANTS else read_prefixes(Path(self._sources))
        return with_edges(named, family, scene.topology)

    @staticmethod
    def _print(title: str, tally: SweepTally) -> None:
        from lab.report.sweep import sweep_lines

        print(title)
        for line in sweep_lines(tally.result()):
            print(line)
        sys.stdout.flush()
