"""``lab drift SNAPSHOT --policy POLICY``: whether a host still runs what its policy says, for a scheduled job."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


@command(Job.ASK, "Tell a scheduled job whether a host drifted from its policy.")
def drift(
    snapshot: Annotated[str, Argument(metavar="SNAPSHOT", help="What `lab snapshot` took, or rules; - reads it.")],
    policy: o.Policies = None,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print nothing where nothing differs.")] = False,
    full: Annotated[bool, Option("--full", help="Print every class of flows.")] = False,
    family: o.Family = o.BOTH,
    backend: Annotated[o.BackendChoice | None, Option("--backend", help="Which iptables; by default the host's.")] = None,
    json: o.Json = None, markdown: o.Markdown = None, mend: o.Mend = False, allow_commands: o.AllowCommands = False,
) -> None:  # fmt: skip
    """End with 0 where the host runs what its policy says and boots into it, with 1 where flows or rules differ."""
    from lab.cli.drifting import drift_and_report
    from lab.cli.given import Given, dumps
    from lab.report.reports import drift_reports

    given = Given((), policy, None, mend, allow_commands, dumps=dumps([snapshot], None, None, None))
    backends = () if backend is None else backend.backends
    drift_and_report(given, family.families, backends, drift_reports(json, markdown), quiet=quiet, full=full)
