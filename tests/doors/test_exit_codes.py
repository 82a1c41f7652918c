"""What a script learns from ``lab run``: 0 as expected, 1 otherwise, 2 input, 3 measurement, 4 machine, the gravest first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.doors.project import Ended, Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
BLIND = """
from lab.kernel.watch.tracer import Tracer
Tracer.canary_trouble = lambda tracer: ("the canary was not seen in prerouting", [])
"""
NOTHING_IS_BUILT = """
from lab.kernel.ground import namespace, tools
def build(*_): raise AssertionError("a namespace was made")
namespace.Namespace.__init__ = build
"""
WITHOUT_TOOLS = f"{NOTHING_IS_BUILT}\ntools.find = lambda tool: None\n"


def test_0_when_all_is_as_expected(project: Project) -> None:
    done = project.lab("run").ended(0)
    assert done.out.splitlines()[-1].startswith("7 cells: 7 passed; ")
    assert done.err == ""


def test_1_when_a_cell_behaves_otherwise(project: Project) -> None:
    project.edit(POLICY, '--dport 8443 -m conntrack --ctstate DNAT -m comment --comment "publish-web" -j ACCEPT',
                 '--dport 8443 -m comment --comment "publish-web" -j DROP')  # fmt: skip
    done = project.lab("run").ended(1)
    assert "FAIL-CLOSED public web  [matrices/small.yaml:" in done.out
    assert "-> web-vip 198.51.100.1 tcp/443: expected allow, is dropped\n" in done.out
    assert f"{POLICY}:11" in done.out
    assert "1 fail-closed" in done.out.splitlines()[-1]


def test_2_when_a_file_is_wrong(project: Project) -> None:
    project.edit(MATRIX, "expect: allow", "expect: alow")
    assert f"{MATRIX}:11" in project.lab("run").ended(2).err


def test_2_when_nothing_is_selected(project: Project) -> None:
    done = project.lab("run", "-k", "nowhere or ssh and web").ended(2)
    assert "selects no cell" in done.err


def test_2_when_the_kernel_refuses_the_ruleset(project: Project) -> None:
    project.edit(POLICY, "-j REJECT --reject-with tcp-reset", "-j NOWHERE")
    done = project.lab("run").ended(2)
    assert f"{POLICY}:12" in done.told
    assert "NOWHERE" in done.told


def test_3_when_the_instrument_is_blind(project: Project) -> None:
    done = project.lab_with(BLIND, "run").ended(3)
    assert "the canary was not seen in prerouting" in done.told
    assert "passed" not in done.out.replace("0 passed", "")


def test_4_without_tools_and_before_anything_is_built(project: Project) -> None:
    done = project.lab_with(WITHOUT_TOOLS, "run").ended(4)
    assert done.err.splitlines() == [
        "iptables-nft-restore is not on this machine",
        "    apt-get install iptables   (or: dnf install iptables)",
    ]


def test_what_shows_that_nothing_is_built_would_show_it(project: Project) -> None:
    assert "a namespace was made" in project.lab_with(NOTHING_IS_BUILT, "run").err


@pytest.mark.parametrize("command", [("run",), ("trace", "world", "web-vip", "tcp/443"), ("pytest", "matrices")])
def test_4_without_permission(project: Project, barred: Sequence[str], command: Sequence[str]) -> None:
    done = project.lab(*command, before=barred).ended(4)
    assert "no permission to make network namespaces" in done.err
    assert "sudo sysctl -w user.max_user_namespaces=15000" in done.err


def test_4_when_the_machine_lacks_a_match(project: Project) -> None:
    project.edit(POLICY, "-A INPUT -p icmp -m comment", "-A INPUT -p icmp -m nosuchmatch -m comment")
    done = project.lab("run").ended(4)
    assert "nosuchmatch" in done.told
    assert f"{POLICY}:13" in done.told


def test_what_is_missing_is_skipped_where_that_is_allowed_and_never_green_alone(project: Project) -> None:
    done = _run_in_order(project, ["lacking", "allow"], "--allow-missing").ended(0)
    assert "1 cell: 1 passed" in done.out
    assert "note: small-lacking was skipped, and nothing of it is proven: this machine lacks match nosuchmatch" in done.told
    assert "the module xt_nosuchmatch" in done.told
    alone = _run_in_order(project, ["lacking"], "--allow-missing").ended(4)
    assert "0 cells: 0 passed" in alone.out
    _run_in_order(project, ["lacking", "refused", "allow"], "--allow-missing").ended(2)
    _run_in_order(project, ["lacking", "drop"], "--allow-missing", "-x").ended(1)


def test_4_before_anything_starts_when_a_step_loads_what_is_missing(project: Project) -> None:
    project.write("policies/lacking.rules", "*filter\n-A INPUT -m nosuchmatch\nCOMMIT\n")
    row = "  - {name: web, from: world, to: web-vip, service: tcp/443, steps: [{open: allow}, {load: {gateway: lacking}}]}\n"
    head = project.read(MATRIX).partition("\n\n")[0].partition("flows:")[0]
    project.write("matrices/loads.yaml", f"{head}flows:\n{row}")
    done = project.lab("run", "matrices/loads.yaml").ended(4)
    assert "policies/lacking.rules:2" in done.told
    assert "the module xt_nosuchmatch" in done.told
    assert "0 cells: 0 passed" in done.out


@pytest.mark.parametrize(("order", "code"), [("allow drop", 1), ("drop refused", 2), ("refused lacking drop", 4)])
def test_of_several_the_gravest_is_told(project: Project, order: str, code: int) -> None:
    done = _run_in_order(project, order.split())
    done.ended(code)
    if "drop" in order.split():
        assert "FAIL-OPEN public web  [matrices/" in done.out
        assert "-> web-vip 198.51.100.1 tcp/443: expected drop, is allowed\n" in done.out


def _run_in_order(project: Project, words: Sequence[str], *options: str) -> Ended:
    """A run of matrices with one row: as it should be, wrongly denied, with a refused ruleset, with a missing match."""
    policies = {"refused": "-A INPUT -j NOWHERE", "lacking": "-A INPUT -m nosuchmatch"}
    files = []
    for word in words:
        rule = policies.get(word)
        if rule:
            project.write(f"policies/{word}.rules", f"*filter\n{rule}\nCOMMIT\n")
        text = project.read(MATRIX).partition("\n\n")[0].replace("matrix: small", f"matrix: small-{word}")
        if word == "drop":
            text = text.partition("    expect: allow")[0] + "    expect: drop\n"
        if rule:
            text = text.replace("gateway: small-gateway", f"gateway: {word}")
        files.append(str(project.write(f"matrices/{word}.yaml", text).relative_to(project.folder)))
    return project.lab("run", *files, *options)
