"""``lab evidence``: bundles of evidence verified, listed and signed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from lab.cli import options as o
from lab.cli.command import Job, command


class Action(StrEnum):
    """What is done with bundles."""

    VERIFY = "verify"
    LIST = "list"
    SIGN = "sign"


@command(Job.CHANGE, "Verify, list or sign the bundles that --evidence writes.")
def evidence(
    action: Annotated[Action, Argument(help="verify: find any change; list: one line each; sign: with --key.")],
    bundles: Annotated[list[Path], Argument(metavar="DIR|TAR", help="A bundle, or its tar; of list a folder of them.")],
    signers: Annotated[Path | None, Option(metavar="FILE", help="Allowed signers (ssh-keygen): one of them signed.")] = None,
    noted: Annotated[str | None, Option("--sha256", metavar="DIGEST", help="What was noted of the manifest.")] = None,
    key: o.EvidenceKey = None, json: o.Json = None,
) -> None:  # fmt: skip
    """Hold bundles of evidence against their manifests, and their signatures against allowed signers."""
    from lab.cli.keeping import list_bundles, sign_bundle, verify_bundles

    if action is Action.LIST:
        list_bundles(bundles, signers, json)
    elif action is Action.SIGN:
        sign_bundle(bundles, key)
    else:
        verify_bundles(bundles, signers, noted, json)
