"""``lab trace FROM TO SERVICE``: one probe, and its path as a person reads it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.choices import NFT, BackendChoice, OneFamily, Shipped

if TYPE_CHECKING:
    from lab.record.verdict import Verdict


def trace(
    sender: Annotated[str, typer.Argument(metavar="FROM", help="A node.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A node, node@interface, a name or an address.")],
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="tcp/443, udp/53, icmp/echo-request.")],
    topology: Annotated[str | None, typer.Option(help="The topology; by default that of the matrix.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="NODE=FILE: a node's policy.")] = None,
    matrix: Annotated[Path | None, typer.Option(help="The matrix whose topology and policies are used.")] = None,
    source: Annotated[str | None, typer.Option(help="Send from this address, owned by the sender or not.")] = None,
    sport: Annotated[int | None, typer.Option(help="Send from this port.")] = None,
    ack: Annotated[bool, typer.Option("--ack", help="One bare ACK in place of a handshake.")] = False,
    family: Annotated[OneFamily | None, typer.Option(help="4 or 6, where both ends have both.")] = None,
    backend: Annotated[BackendChoice, typer.Option(help="Which iptables loads the rulesets.")] = NFT,
    mend: Annotated[bool, typer.Option("--mend", help="Repair dumps as `lab run --mend` does.")] = False,
    allow_commands: Annotated[bool, typer.Option("--allow-commands", help="Let policies run their own renderers.")] = False,
    shipped: Shipped = False,
) -> None:
    """Send one probe with everything traced and show, hook by hook, what became of it."""
    from lab.cli.files import assignments, matrix_file, matrix_files
    from lab.kernel.ground.privileges import enter
    from lab.lab import Lab
    from lab.prepare.policies import Rendering
    from lab.prepare.scene import find_scene
    from lab.report.detail import explain_verdict
    from lab.report.plain import plain
    from lab.run.after.source_ports import from_probe

    matrix = matrix and matrix_file(matrix, shipped=shipped)
    candidates = matrix_files((), shipped=shipped) if matrix is None and topology is None else ()
    chosen = assignments(policy or ())
    wanted = int(family) if family is not None else None
    worst = 0
    for one in backend.backends:
        rendering = Rendering(one, mend=mend, allow_commands=allow_commands)
        scene = find_scene(matrix, topology, chosen, candidates=candidates, rendering=rendering, shipped=shipped)
        enter()
        with Lab(scene.topology, scene.policies, backend=one) as lab, lab.everything_traced():

            def probe(sport: int | None) -> Verdict:
                return lab.probe(sender, target, service, source=source, sport=sport, ack=ack, family=wanted)

            verdict = probe(sport)
            warnings = lab.absences.behind([(verdict, ())], lab.node_called(sender))
            notes = [*from_probe(lab, verdict, probe)] if sport is None else []
        if len(backend.backends) > 1:
            print(f"iptables-{one}")
        for note in scene.notes([verdict.observation.sent.family]):
            print(f"note: {plain(note)}")
        print(explain_verdict(verdict, warnings, notes))
        worst = 3 if verdict.kind == "lost" else worst
    sys.exit(worst)
