"""The commands of ``lab``."""

from __future__ import annotations

import typer

from lab.cli import bench, check, doctor, exposure, init, pytest_command, run, schema, sweep, trace

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
