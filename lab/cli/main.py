"""The command ``lab``: its commands, and how an error ends it."""

from __future__ import annotations

import io
import os
import sys

import typer

from lab.cli import bench, check, doctor, exposure, init, pytest_command, run, schema, sweep, trace
from lab.errors import LabError

app = typer.Typer(
    name="lab",
    help="Proven verdicts on real firewall rulesets: which flows pass, which are denied, and by which rule.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("check")(check.check)
app.command("trace")(trace.trace)
app.command("sweep")(sweep.sweep)
app.command("exposure")(exposure.exposure)
app.command("doctor")(doctor.doctor)
app.command("init")(init.init)
app.command("schema")(schema.schema)
app.command("bench")(bench.bench)
app.command("pytest", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    pytest_command.run_pytest
)


def main() -> None:
    """Run the command line; an error of the lab is told in words and ends it with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal that cannot show a letter shows something else, and the run goes on
            stream.reconfigure(errors="replace")
    try:
        app()
    except LabError as error:
        for problem in error.problems:
            print(_printable(str(problem)), file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # whoever read the output has gone; nothing more can be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(f"this machine could not go on: {error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(4)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _printable(text: str) -> str:
    """``text`` without control characters, which a file could have smuggled in."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)
