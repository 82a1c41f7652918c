"""``lab pcap``: the packets of one interface in a lab that is up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.KEEP, "Capture the packets of an interface, for wireshark.")
def pcap(
    lab: o.LabThatIsUp, node: o.NodeOfIt,
    interface: Annotated[str, Argument(metavar="IF", help="One of its interfaces.")],
    write: Annotated[Path | None, Option("-w", metavar="PCAP|-", help="Write pcapng; - to standard output.")] = None,
    count: o.Count = None,
) -> None:  # fmt: skip
    """Print a line for each packet that crosses an interface of a node, or with -w write them as pcapng."""
    from lab.cli.capturing import capture

    capture(lab, node, interface, write, count)
