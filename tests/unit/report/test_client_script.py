"""The script for real clients: which flows are in it, that nothing of a stranger is, and what it makes of each tool."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.record.difference import Aspect, Difference, DiffReport, Flow, FlowClass, Side
from lab.report.client_script import MOST, client_script
from tests.unit.report.make import allowed, dropped, lost

SH = shutil.which("sh") or "/bin/sh"
OWN, OTHER = "10.20.1.10", "203.0.113.7"


def difference(
    service: str = "tcp/443", source: str = OWN, destination: str = OTHER, *, opens: bool = True, aspect: Aspect = Aspect.ALLOW
) -> Difference:
    flow = Flow("office", source, destination, service, 6 if ":" in source else 4)
    old, new = (dropped(), allowed()) if opens else (allowed(), dropped())
    return Difference(aspect, flow, FlowClass((source,), (destination,), (service,), 1), Side(old), Side(new), opens=opens)


def script(*differences: Difference) -> str:
    return client_script(DiffReport("old", "new", "gateway", "branch", differences))


def flows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("flow ") and "()" not in line]


def test_what_is_in_it() -> None:
    text = script(
        difference("tcp/80", aspect=Aspect.RULE), difference(), difference("icmp/echo-request", opens=False),
        difference("tcp/22", "2001:DB8::1", "2001:db8:0::2"), difference(),
    )  # fmt: skip
    assert flows(text) == [
        f"flow 1 {OWN} tcp {OTHER} 443 open",
        f"flow 2 {OWN} icmp {OTHER} echo denied",
        "flow 3 2001:db8::1 tcp 2001:db8::2 22 open",
        f"flow 4 {OWN} tcp {OTHER} 80 open",
    ]
    assert f"#    2  from {OWN} to {OTHER} icmp/echo, expected denied\n" in text


def test_what_no_client_can_tell_is_not_in_it_and_that_is_said() -> None:
    plain = difference()
    others = [
        difference("udp/53"), difference("proto/47"), replace(plain, flow=plain.flow._replace(flags=("ack",))),
        replace(plain, flow=plain.flow._replace(sport=53)), replace(plain, new=Side(lost())),
    ]  # fmt: skip
    text = script(*others)
    assert flows(text) == []
    assert "# 5 more that no client can tell, as of UDP" in text
    assert "# No flow" not in text
    assert "# No flow of it can be tried." in script()


def test_at_most_twenty() -> None:
    assert len(flows(script(*(difference(f"tcp/{port}") for port in range(1, 50))))) == MOST == 20


@pytest.mark.parametrize("text", ["10.0.0.1;reboot", "$(reboot)", "10.0.0.1\nreboot", "fe80::1%$(id)", "", "web"])
def test_nothing_but_addresses_gets_into_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|names an interface"):
        script(difference(source=text))
    with pytest.raises(ValueError, match=r"does not appear to be|names an interface"):
        script(difference(destination=text))


@pytest.mark.parametrize("service", ["tcp/443;reboot", "tcp/$(id)", "tcp/0", "tcp/70000", "tcp/", "tcp/١٢"])
def test_nothing_but_a_port_gets_into_it(service: str) -> None:
    assert flows(script(difference(service))) == []


def test_names_and_rules_are_not_in_it() -> None:
    one = difference()
    named = replace(one, intended="$(reboot)", flow=one.flow._replace(node="`reboot`"), rests_on=("';reboot",))
    report = DiffReport("`reboot`", "$(reboot)", "reboot", "reboot", (named,), change="reboot", notes=("reboot",))
    assert "reboot" not in client_script(report)


def tool(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!{SH}\n{body}\n")
    path.chmod(0o755)


def run(folder: Path, text: str, *arguments: str) -> tuple[int, list[str]]:
    """The script, where nothing but the tools of ``folder`` is; the system's own places are not looked in."""
    closed = text.replace("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin", f"PATH={folder}")
    assert closed != text
    done = subprocess.run(
        [SH, "-s", *arguments], input=closed, env={"PATH": str(folder)}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_its_syntax() -> None:
    for text in (script(), script(difference(), difference("icmp/echo-request"))):
        assert subprocess.run([SH, "-n"], input=text, text=True, capture_output=True, check=False).stderr == ""


ADDRESS = f"echo '2: eth0    inet {OWN}/24 brd 10.20.1.255 scope global eth0'"
NC = "case $1 in -h) echo '  -z  scan' >&2; exit 1 ;; esac\n"


@pytest.mark.parametrize(
    ("tools", "expected", "word", "code"),
    [
        ({"nc": f"{NC}exit 0"}, "open", "ok", 0),
        ({"nc": f"{NC}exit 0"}, "denied", "NOT AS EXPECTED", 1),
        ({"nc": f"{NC}echo 'Connection refused' >&2; exit 1"}, "open", "NOT AS EXPECTED", 1),
        ({"nc": f"{NC}exit 1"}, "denied", "ok", 0),
        ({"nc": f"{NC}echo \"nc: invalid option -- 'n'\" >&2; exit 1"}, "denied", "NOT KNOWN", 2),
        ({"nc": f"{NC}echo 'bind: Cannot assign requested address' >&2; exit 1"}, "denied", "NOT KNOWN", 2),
        ({"nc": "exit 0", "ncat": f"{NC}exit 1"}, "denied", "ok", 0),
        ({"nc": "exit 1"}, "denied", "NOT KNOWN", 2),
        ({"python3": "exit 0"}, "open", "ok", 0),
        ({"python3": "exit 2"}, "denied", "NOT KNOWN", 2),
        ({"perl": "exit 0"}, "open", "ok", 0),
        ({}, "denied", "NOT KNOWN", 2),
    ],
)
def test_what_it_makes_of_the_tools_that_are_there(
    tmp_path: Path, tools: dict[str, str], expected: str, word: str, code: int
) -> None:
    for name, body in {"ip": ADDRESS, **tools}.items():
        tool(tmp_path, name, body)
    found, lines = run(tmp_path, script(difference(opens=expected == "open")))
    assert (found, lines[0].split("  ")[0]) == (code, word), lines


def test_netcat_is_told_the_source_and_the_flow_and_only_one_that_speaks_ipv6_is_asked_of_it(tmp_path: Path) -> None:
    tool(tmp_path, "ip", f"{ADDRESS}; echo '2: eth0 inet6 2001:db8::1/64 scope global'")
    tool(tmp_path, "nc", f'{NC}echo "$@" >> {tmp_path}/said; exit 0')
    code, lines = run(tmp_path, script(difference(), difference(source="2001:db8::1", destination="2001:db8::2")))
    assert (tmp_path / "said").read_text() == f"-v -n -z -w 3 -s {OWN} {OTHER} 443\n"
    assert code == 2
    assert lines[1].startswith("NOT KNOWN")


@pytest.mark.parametrize(("exits", "word", "code"), [(0, "ok", 0), (1, "NOT AS EXPECTED", 1), (2, "NOT KNOWN", 2)])
def test_ping(tmp_path: Path, exits: int, word: str, code: int) -> None:
    tool(tmp_path, "ip", ADDRESS)
    tool(tmp_path, "ping", f"exit {exits}")
    found, lines = run(tmp_path, script(difference("icmp/echo-request")))
    assert (found, lines[0].split("  ")[0]) == (code, word)


def test_each_flow_is_tried_from_its_own_host_unless_it_is_named(tmp_path: Path) -> None:
    tool(tmp_path, "nc", f'{NC}echo "$@" >> {tmp_path}/said; exit 0')
    tool(tmp_path, "ip", "echo '2: eth0 inet 10.20.1.1/24'")
    text = script(difference(), difference("tcp/80"))
    code, lines = run(tmp_path, text)
    assert code == 2
    assert lines == [*(f"not from here     {number}  from {OWN}" for number in (1, 2)), "nothing was tried: 2 begin elsewhere"]
    code, lines = run(tmp_path, text, "2")
    assert code == 0
    assert lines == [f"ok                2  this host > {OTHER} tcp/80: open, expected open", "1 tried: all as expected"]
    assert (tmp_path / "said").read_text() == f"-v -n -z -w 3 {OTHER} 80\n"
    code, lines = run(tmp_path, text, "two")
    assert (code, lines) == (2, ["sh THIS-FILE [NUMBER ...]: 'two' is no number of a flow"])


@pytest.mark.parametrize(
    "printed", [f"  inet addr:{OWN}  Bcast:10.20.1.255  Mask:255.255.255.0", f"\tinet {OWN} netmask 255.255.255.0"]
)
def test_addresses_of_an_older_host(tmp_path: Path, printed: str) -> None:
    sed = shutil.which("sed")
    assert sed is not None
    (tmp_path / "sed").symlink_to(sed)
    tool(tmp_path, "nc", f"{NC}exit 0")
    tool(tmp_path, "ifconfig", f"echo '{printed}'")
    assert run(tmp_path, script(difference()))[0] == 0
