"""``lab schema``: the JSON Schemas of the files that people write and of those that the lab writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.command import Job, command


@command(Job.SERVE, "Print the JSON Schemas of what is written and what is reported.")
def schema(
    folder: Annotated[Path | None, typer.Option("--write", help="Write NAME.schema.json files into this folder.")] = None,
    name: Annotated[str | None, typer.Argument(help="A schema's name; without one, their names.")] = None,
) -> None:
    """Print a JSON Schema, or write all of them into a folder for editors."""
    from lab.errors import InputError, Problem
    from lab.report.file import write_file
    from lab.report.printed import print_machine_readable
    from lab.report.wire.schema import own_schemas
    from lab.written.schema import json_schemas

    schemas = json_schemas() | own_schemas()
    if folder is not None:
        for key, value in schemas.items():
            write_file(folder / f"{key}.schema.json", json.dumps(value, indent=2) + "\n")
    elif name is None:
        print("\n".join(schemas))
    elif name in schemas:
        print_machine_readable(json.dumps(schemas[name], indent=2) + "\n")
    else:
        raise InputError(Problem(f"there is no schema {name!r}", mend=f"there are {', '.join(schemas)}"))
