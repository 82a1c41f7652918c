"""``lab tail``: a line for each packet that is logged, as it is told."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from lab.report.wire.schema import tail_schema
from tests.doors.project import Ended, Project

pytestmark = pytest.mark.kernel

POLICY, MATRIX = "policies/small-gateway.rules.j2", "matrices/small.yaml"
LOGS = (
    '-A INPUT -j LOG --log-prefix "in ## " --log-level 6',
    "-A FORWARD -m conntrack --ctstate NEW -j NFLOG --nflog-group 5 --nflog-size 24",
)


def logging(project: Project) -> None:
    text = project.read(POLICY)
    project.write(POLICY, text.replace(":OUTPUT ACCEPT [0:0]\n", "\n".join((":OUTPUT ACCEPT [0:0]", *LOGS, ""))))


def lines(done: Ended) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in done.out.splitlines()]
    for one in found:
        jsonschema.validate(one, tail_schema())
    return found


def test_each_packet_is_a_line(project: Project) -> None:
    logging(project)
    done = project.lab("tail").ended(0)
    told = lines(done)
    assert done.err == f"{len(told)} packets were logged, of {len({one['cell'] for one in told})} of 7 flows\n"
    assert {(one["witness"], one["prefix"], one["level"], one["group"], one["copied"]) for one in told} == {
        ("trace", "in ## ", "info", None, None), ("nflog", "", None, 5, 24),
    }  # fmt: skip
    assert all(one["rule"]["source"].startswith(f"{POLICY}:") for one in told)
    assert "##" not in done.out, "a CI would take it for a command"


def test_how_it_ends(project: Project) -> None:
    project.edit(MATRIX, "service: tcp/443\n    expect: allow", "service: tcp/444\n    expect: allow")
    done = project.lab("tail").ended(0)
    assert (done.out, done.err) == ("", "0 packets were logged, of 0 of 7 flows\n"), "what rows expect is not asked"
    project.write(POLICY, "*filter\n-A INPUT -j NOSUCH\nCOMMIT\n")
    assert "NOSUCH" in project.lab("tail").ended(2).err
