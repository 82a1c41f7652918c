"""``lab sweep`` and ``lab exposure`` as a user runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import jsonschema
import pytest

from lab.report.wire.schema import exposure_schema, sweep_schema
from tests.doors.project import Nobody, Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
_INTERRUPTED = """
from lab.sweep.fates import SweepTally
add = SweepTally.add
def interrupt(tally, story, keys, make):
    add(tally, story, keys, make)
    if sum(len(way.keys) for way in tally.fates.values()) > 10000:
        raise KeyboardInterrupt
SweepTally.add = interrupt
"""


def test_every_port_with_its_rule(project: Project) -> None:
    done = project.lab("sweep", "world", "web-vip", "--json", "sweep.json").ended(0)
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[:4] == [
        "world > web-vip tcp/1-65535",
        f"443 allowed gateway filter:FORWARD:2 (publish-web) [{POLICY}:11] -> web 10.0.2.10 port 8443",
        "1-21,23-442,444-65535 dropped gateway filter:INPUT policy",
        f"22 rejected (tcp-reset) gateway filter:INPUT:1 (refuse-ssh) [{POLICY}:12]",
    ]
    written = json.loads(project.read("sweep.json"))
    jsonschema.validate(written, sweep_schema())
    (sweep,) = written["sweeps"]
    assert (sweep["count"], sweep["lost"], len(sweep["groups"])) == (65535, 0, 3)


@pytest.mark.parametrize("backend", ["nft", "legacy"])
@pytest.mark.parametrize("gear", ["rule", "verdict"])
def test_both_gears_and_backends_say_the_same(project: Project, gear: str, backend: str) -> None:
    done = project.lab("sweep", "world", "web-vip", "tcp/1-600", "--gear", gear, "--backend", backend).ended(0)
    rows = (words for words in map(str.split, done.out.splitlines()[1:-1]) if words[0] != "note:" and words[1] != "of")
    kinds = {words[0]: words[1] for words in rows}
    assert kinds == {"443": "allowed", "22": "rejected", "1-21,23-442,444-600": "dropped"}


def test_both_protocols(project: Project) -> None:
    out = project.lab("sweep", "world", "web-vip", "--both", "--gear", "verdict").ended(0).out
    assert out.count("65,535 ports in") == 2
    assert "world > web-vip udp/1-65535" in out


def test_sources_at_the_edges_of_prefixes(project: Project) -> None:
    project.edit(POLICY, "-A FORWARD -m", "-A FORWARD -s 192.0.2.0/24 -m comment --comment blocked -j DROP\n-A FORWARD -m")
    project.write("blocked", "192.0.2.0/24\n")
    for chosen in ("blocked", "constants"):
        out = project.lab("sweep", "world", "web-vip", "tcp/443", "--sources", chosen).ended(0).out
        assert re.search(r"192.0.2.0/24 +dropped", out)
        assert "(blocked)" in out
        assert "192.0.1.255" in out
        assert "192.0.3.0" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("world", "web-vip", "tcp/22", "--udp"), "one of them says what is swept"),
        (("world", "web-vip", "--sources", "blocked"), "which service"),
        (("world", "web-vip", "tcp/1-9", "--sources", "constants"), "from many sources one port is asked"),
        (("world", "web-vip", "tcp/22", "--sources", "nowhere"), "nowhere cannot be read"),
        (("world", "web-vip", "icmp/echo-request"), "only ports of tcp and udp"),
        (("nobody", "web-vip"), "there is no node or name 'nobody'"),
        (("world", "2001:db8::1", "tcp/443", "--sources", "constants"), "`from` has IPv4, `to` has IPv6"),
        (("world", "web-vip", "--json", "/proc/no"), "cannot be written"),
    ],
)
def test_wrong_words(project: Project, arguments: tuple[str, ...], told: str) -> None:
    assert told in project.lab("sweep", *arguments).ended(2).err


def test_a_port_behind_a_limit_is_told_with_what_comes_beyond(project: Project) -> None:
    limited = "-A INPUT -p tcp -m tcp --dport 25 -m limit --limit 1/hour -j ACCEPT\n"
    project.edit(POLICY, "-A INPUT -p icmp", f"{limited}-A INPUT -p icmp")
    out = project.lab("sweep", "world", "web-vip", "tcp/1-600", "--gear", "verdict").ended(0).out
    assert "unsettled" not in out
    (line,) = (line for line in out.splitlines() if line.split()[:2] == ["25", "closed"])
    assert "beyond that dropped by" in line


def test_ctrl_c_prints_what_was_finished(project: Project) -> None:
    done = project.lab_with(_INTERRUPTED, "sweep", "world", "web-vip", "--gear", "verdict", "--every-port").ended(130)
    assert "world > web-vip tcp/1-65535 (interrupted: only what was finished)" in done.out
    assert "dropped" in done.out


def test_a_real_ctrl_c_ends_it_with_nothing_left(project: Project) -> None:
    command = [sys.executable, "-c", "from lab.cli.main import main; main()", "sweep", "world", "web-vip", "--both"]
    child = subprocess.Popen(command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert "tcp/1-65535" in child.stdout.readline()  # the first sweep is done, the second under way
    os.kill(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Traceback" not in out + err


def test_an_ordinary_user_sweeps(nobody: Nobody) -> None:
    done = nobody.lab("sweep", "world", "web-vip", "tcp/1-2000").ended(0)
    assert "2,000 ports in" in done.out
    assert "443 " in done.out


def test_exposure_from_save_to_change(project: Project) -> None:
    first = project.lab("exposure", "--full", "--save", "exposed.json").ended(0)
    assert "wan -> wan" in first.out
    assert "small: public web" in first.out
    saved = json.loads(project.read("exposed.json"))
    jsonschema.validate(saved, exposure_schema())
    (exposed,) = saved["exposures"]
    assert (exposed["ports"], exposed["rule"]["comment"], exposed["unasserted"]) == ([[443, 443]], "publish-web", [])
    assert exposed["arrived"]["port"] == 8443
    project.lab("exposure", "--against", "exposed.json").ended(0)
    opened = '-A INPUT -p udp -m udp --dport 161 -m comment --comment "snmp owner=net-ops ticket=CHG-9" -j ACCEPT\n'
    project.edit(POLICY, "-A INPUT -p icmp", f"{opened}-A INPUT -p icmp")
    again = project.lab("exposure", "--against", "exposed.json").ended(1)
    assert "NEW: world > web-vip (198.51.100.1) udp/161" in again.out
    assert "owner net-ops, ticket CHG-9" in again.out
    project.edit(POLICY, "--dport 8443", "--dport 9443")
    narrow = project.lab("exposure", "--to", "dmz", "--against", "exposed.json").ended(1)
    assert "gone" not in narrow.out.rpartition("\n")[0].replace("0 gone", "")
    gone = project.lab("exposure", "--to", "wan", "--against", "exposed.json", "--markdown", "-").ended(1)
    assert "- **no longer exposed**: world > web-vip (198.51.100.1) tcp/443" in gone.out


def test_exposure_asks_the_same_with_a_packet_for_every_port(project: Project) -> None:
    quick = json.loads(project.lab("exposure", "--json", "-").ended(0).out)
    whole = json.loads(project.lab("exposure", "--json", "-", "--every-port").ended(0).out)
    assert quick["exposures"] == whole["exposures"] != []
    assert (quick["swept"], whole["swept"]) == (0, whole["questions"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--topology", "nowhere"), "there is no topology 'nowhere'"),
        (("--from", "nobody"), "--from 'nobody': no node"),
        (("--from", "world", "--to", "lnn"), "--to 'lnn': no node"),
        (("--against", "nothing.json"), "cannot be read"),
        (("--backend", "both"), "one backend"),
    ],
)
def test_exposure_told_wrong_words(project: Project, arguments: tuple[str, ...], told: str) -> None:
    assert told in project.lab("exposure", *arguments).ended(2).err
