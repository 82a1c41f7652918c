"""Options and arguments that commands share, so that the same one means the same everywhere.

One that a single command has is in its own file.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lab.written.families import FamilyChoice

if TYPE_CHECKING:
    from lab.ruleset.backend import Backend


T = TypeVar("T")
R = TypeVar("R")


class BackendChoice(StrEnum):
    """``--backend``."""

    NFT = "nft"
    LEGACY = "legacy"
    BOTH = "both"

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends that are meant."""
        from lab.ruleset.backend import Backend

        return tuple(Backend) if self is BackendChoice.BOTH else (Backend(self.value),)


def families(chosen: FamilyChoice | None) -> tuple[int | None, ...]:
    """The families that are asked one by one; None is that of the ends."""
    return chosen.families if chosen is not None else (None,)


def given(value: T | None, read: Callable[[T], R]) -> R | None:
    """What an option says; None where it is not given, be what is given empty or not."""
    return None if value is None else read(value)


BOTH = FamilyChoice.BOTH
NFT = BackendChoice.NFT
A_REPORT = "FILE|-"
"""How the help shows what a report goes to; `lab.cli.early` must know each option that shows it."""


def _report(path: Path | None) -> Path | None:
    """A file that a report goes to; an option that was taken for one is told, as it is no file that anybody means."""
    if path is not None and str(path).startswith("-") and str(path) != "-":
        raise typer.BadParameter(f"{str(path)!r} is no file: FILE, or - for standard output, belongs here")
    return path


def report(*names: str, what: str) -> Any:
    """The option of a file that is written, or with ``-`` printed in place of what people read."""
    return typer.Option(*names, metavar=A_REPORT, callback=_report, help=f"Write {what}; - prints it.")


Files = Annotated[list[Path] | None, typer.Argument(help="Matrix files or folders; without any, all of matrices/.")]
Matrices = Annotated[list[Path] | None, typer.Option("--matrix", metavar="FILE", help="As FILES; repeatable.")]
Matrix = Annotated[Path | None, typer.Option(metavar="FILE", help="The matrix whose topology and policies are used.")]
Topology = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="On this topology; by default that of the matrix.")
]
_POLICY = typer.Option("--policy", metavar="NODE=NAME|FILE|-", help="This policy in place of the matrix's; - reads it.")
Policies = Annotated[list[str] | None, _POLICY]
Sender = Annotated[str, typer.Argument(metavar="FROM", help="node, node@interface, role:R, net:N, name, address, prefix.")]
Target = Annotated[str, typer.Argument(metavar="TO", help="As FROM.")]
Twins = Annotated[
    list[str] | None,
    typer.Option("--twin", metavar="DUMP|-", help="In place of a topology: a real host's snapshot or rules; repeatable."),
]
Addr = Annotated[list[str] | None, typer.Option("--addr", metavar="FILE", help="With --twin: what `ip addr` prints there.")]
Route = Annotated[
    list[str] | None, typer.Option("--route", metavar="[TABLE=]FILE", help="With --twin: what `ip route` prints there.")
]
Rule = Annotated[list[str] | None, typer.Option("--rule", metavar="FILE", help="With --twin: what `ip rule` prints there.")]
LabThatIsUp = Annotated[str, typer.Argument(metavar="LAB", help="A lab that is up, as `lab ls` lists it.")]
Count = Annotated[int | None, typer.Option("--count", metavar="N", min=1, help="End after so many packets.")]
NodeOfIt = Annotated[str, typer.Argument(metavar="NODE", help="One of its nodes.")]
OfLab = Annotated[str | None, typer.Option("--lab", metavar="LAB", help="Ask this lab that is up, as it is now.")]
Source = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Send from this address, owned by the sender or not.")]
Family = Annotated[FamilyChoice, typer.Option(help="Which family.")]
EitherFamily = Annotated[FamilyChoice | None, typer.Option(help="Which family; by default that of the ends, IPv4 first.")]
Backends = Annotated[BackendChoice, typer.Option("--backend", help="Which iptables loads the rulesets.")]
Mend = Annotated[bool, typer.Option("--mend", help="Repair dumps (line ends, prose, `-d !`), listing each repair.")]
NoMacs = Annotated[
    bool, typer.Option("--without-macs", help="--mend, and take unreadable `--mac-source` matches away: widens rules.")
]
AllowCommands = Annotated[bool, typer.Option("--allow-commands", help="Run renderers of policies, programs of nodes.")]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Skip matrices whose rules need what is missing here.")]
Shipped = Annotated[bool, typer.Option("--shipped", help="Take matrices, topologies and policies from what is shipped too.")]
Json = Annotated[Path | None, report("--json", what="the results as JSON")]
Markdown = Annotated[Path | None, report("--markdown", what="a summary as Markdown")]
Junit = Annotated[Path | None, report("--junit", what="the results as JUnit XML")]
Annotations = Annotated[Path | None, report("--annotations", what="GitHub annotations at the template's lines")]
Sarif = Annotated[Path | None, report("--sarif", what="SARIF 2.1.0, for code scanning")]
Evidence = Annotated[Path | None, typer.Option(metavar="DIR", help="Keep a bundle of evidence in a new folder in this one.")]
EvidenceKey = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The key of OpenSSH that signs the evidence.")]
Ticket = Annotated[str | None, typer.Option(metavar="NAME", help="The change or ticket that the evidence is of.")]
