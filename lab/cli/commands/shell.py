"""``lab shell``: a shell in a node of a lab that is up."""

from __future__ import annotations

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Open a shell in a node of a lab that is up.")
def shell(lab: o.LabThatIsUp, node: o.NodeOfIt) -> None:
    """Open a shell in a node: iptables, ip, ss, tcpdump, ping and the rest work there, and reach nothing but the lab."""
    from lab.cli.inside import shell_in

    shell_in(lab, node)
