"""``lab sweep FROM TO``: every port, or every source, and what became of its packet."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command

GearChoice = StrEnum("GearChoice", ("RULE", "VERDICT"))


@command(Job.ASK, "Send to every port, or from every source, and say what each met.")
def sweep(
    sender: o.Sender, target: o.Target,
    service: Annotated[str | None, Argument(metavar="SERVICE", help="tcp/1-1024,8080; without it all ports.")] = None,
    tcp: Annotated[bool, Option("--tcp", help="All TCP ports; this is the default.")] = False,
    udp: Annotated[bool, Option("--udp", help="All UDP ports.")] = False,
    both: Annotated[bool, Option("--both", help="All ports of both.")] = False,
    sources: Annotated[str | None, Option(metavar="FILE", help="Prefixes, or 'constants' of rulesets, to ask from.")] = None,
    gear: Annotated[GearChoice, Option(help="rule names the rule of every port; verdict only counts.")] = GearChoice.RULE,
    every_port: Annotated[bool, Option("--every-port", help="Send every port, where one may speak for those like it.")] = False,
    matrix: o.Matrix = None, policy: o.Policies = None, topology: o.Topology = None, twin: o.Twins = None,
    addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None, source: o.Source = None, family: o.EitherFamily = None,
    backend: o.Backends = o.NFT, json: o.Json = None, mend: o.Mend = False, without_macs: o.NoMacs = False,
    lab: o.OfLab = None, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Send a packet to every port (or from every source) and show which verdict and rule each met."""
    from lab.cli.asking import asked_sweeps
    from lab.cli.given import Given, dumps
    from lab.record.sweep import Gear
    from lab.study.sweeps import Asked, services_of
    of = dumps(twin, addr, route, rule)
    given = Given([matrix] if matrix else [], policy, topology, mend, allow_commands, shipped, without_macs, of, lab=lab)

    def asked() -> Asked:
        services = services_of(service, tcp=tcp, udp=udp, both=both, of_sources=sources is not None)
        return Asked(sender, target, services, o.families(family), Gear(gear.value), source, sources, every_port)

    asked_sweeps(given, backend.backends, asked, [Path(sources)] if sources else [], json)
