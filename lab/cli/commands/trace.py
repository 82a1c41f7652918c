"""``lab trace FROM TO SERVICE``: one probe, and its path as a person reads it."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Send one packet and follow it, hook by hook, rule by rule.")
def trace(
    sender: o.Sender, target: o.Target,
    service: Annotated[str, Argument(metavar="SERVICE", help="tcp/443, udp/53, icmp/echo-request, https.")],
    expect: Annotated[
        str | None, Option(metavar="WORD", help="allow, drop, reject, reject:KIND or deny: 1 where it is otherwise.")
    ] = None,
    matrix: o.Matrix = None, policy: o.Policies = None, topology: o.Topology = None,
    twin: o.Twins = None, addr: o.Addr = None, route: o.Route = None, rule: o.Rule = None, source: o.Source = None,
    sport: Annotated[int | None, Option(metavar="PORT", help="Send from this port.")] = None,
    ack: Annotated[bool, Option("--ack", help="One bare ACK in place of a handshake.")] = False,
    flags: Annotated[str, Option(metavar="FLAGS", help="One bare segment with these: ack, rst, fin,ack, none.")] = "",
    mark: Annotated[str, Option(metavar="MARK", help="Send from a socket with this mark, 0x1.")] = "0",
    uid: Annotated[int | None, Option(metavar="UID", help="Send from a socket of the user with this number.")] = None,
    all_blockers: Annotated[bool, Option("--all-blockers", help="Name every rule that denies it, one by one.")] = False,
    family: o.EitherFamily = None, backend: o.Backends = o.NFT, json: o.Json = None, lab: o.OfLab = None,
    mend: o.Mend = False, without_macs: o.NoMacs = False, allow_commands: o.AllowCommands = False, shipped: o.Shipped = False,
) -> None:  # fmt: skip
    """Send one probe with everything traced and show, hook by hook, what became of it."""
    from lab.cli.asking import asked_traces
    from lab.cli.given import Given, dumps
    from lab.run.traced import Asked, expectation
    from lab.written.sending import sending

    named, of = [matrix] if matrix else [], dumps(twin, addr, route, rule)
    given = Given(named, policy, topology, mend, allow_commands, shipped, without_macs, of, lab=lab)

    def asked() -> Asked:
        how = sending(sport=sport, ack=ack, flags=flags, mark=mark, uid=uid)
        return Asked(sender, target, service, o.families(family), source, how, o.given(expect, expectation))

    asked_traces(given, backend.backends, asked, json, all_blockers=all_blockers)
