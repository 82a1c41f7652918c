"""Commands at work in a node: what is told of each, what stops them, and what a refusal says."""

from __future__ import annotations

import socket
from pathlib import Path
from select import select

import pytest

from lab.errors import InputError, MachineError, MeasurementError
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.hold.applying import Applying, Ran
from lab.kernel.stage.node import Node
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.ways import commands
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.written.change import Apply
from tests.kernel.applying import NEW, NFT, OLD, rules_of

pytestmark = pytest.mark.kernel

_NFNLGRP_NFTABLES = 7
ACCEPT = Command(("iptables-nft", "-A", "INPUT", "-j", "ACCEPT"))
FOR_EVER = Command(("sh", "-c", "iptables-nft -A INPUT -j ACCEPT; sleep 3600 & wait"))


def from_template(kind: str, text: str) -> Rulesets:
    """A ruleset whose lines were written ten lines further down in its template."""
    sources = tuple(f"policies/edge.j2:{number + 10}" for number in range(1, text.count("\n") + 1))
    return Rulesets(**{kind: Rendered(text, sources, "policies/edge.j2")})


def until_told(applying: Applying) -> None:
    assert select([applying.descriptor], [], [], 60)[0]


def test_one_begins_when_it_is_asked_for_and_the_one_before_has_ended(node: Node) -> None:
    with Applying(node, [ACCEPT, ACCEPT]) as applying:
        assert (applying.running, applying.done, applying.ran) == (False, False, ())
        assert applying.advance()
        until_told(applying)
        assert not applying.running
        assert len(applying.ran) == len(rules_of(node, NFT)[0][5]) == 1
        assert applying.advance()
        until_told(applying)
        assert not applying.advance()
        assert applying.done
        ran: list[Ran] = list(applying.ran)
    assert ran[0].begun < ran[0].ended <= ran[1].begun < ran[1].ended
    assert applying.trouble is None


def test_while_one_is_at_work_nobody_waits_and_killed_it_is_gone_with_all_that_it_started(node: Node) -> None:
    channel = node.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.NETLINK_NETFILTER)
    with channel as told, Applying(node, [FOR_EVER, ACCEPT]) as applying:
        told.bind((0, 0))
        told.setsockopt(270, 1, _NFNLGRP_NFTABLES)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
        told.settimeout(60)
        for _ in range(3):
            assert applying.advance()
        assert told.recv(1 << 16)
        assert applying.running
        inside = _processes(node)
        applying.kill()
        assert (applying.running, applying.done, applying.advance(), applying.ran) == (False, True, False, ())
        assert len(inside) >= 2
        assert _processes(node) == []


def _processes(node: Node) -> list[str]:
    """The processes in the node's namespace, but for this one and its threads."""
    with node.namespace:
        here = Path("/proc/thread-self/ns/net").readlink()
    return [
        path.parents[1].name for path in Path("/proc").glob("[0-9]*/ns/net") if path.exists() and path.readlink() == here
    ]  # fmt: skip


def test_what_fails_is_the_last_unless_it_may(node: Node) -> None:
    missing = Command(("iptables-nft", "-D", "INPUT", "-j", "DROP"), may_fail=True)
    ends = Command(("sh", "-c", "echo said; echo why >&2; exit 3"))
    with Applying(node, [missing, ends, ACCEPT]) as applying:
        with pytest.raises(InputError, match="exit 3` ended with 3: why"):
            applying.finish()
        first, second = applying.ran
        assert applying.done
    assert (first.code, second.code, second.out, second.err) == (1, 3, "said\n", "why\n")
    with Applying(node, [Command(("sh", "-c", "kill -9 $$"))]) as applying, pytest.raises(InputError, match="died of signal 9"):
        applying.finish()


def test_a_tool_that_is_not_there_is_told_before_anything_runs(node: Node) -> None:
    with pytest.raises(MachineError, match="no-such-tool is not on this machine"):
        Applying(node, [ACCEPT, Command(("no-such-tool",))])
    assert rules_of(node, NFT) == []


BAD = {
    "v4": "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp --dport x -j DROP\nCOMMIT\n",
    "nft": "table inet a {\n    chain b {\n        accept\n        jump nowhere\n    }\n}\n",
    "ipset": "create a hash:ip\nadd a 10.0.0.1\nadd b 10.0.0.2\nadd a 10.0.0.3\n",
}
PLACES = {"v4": 14, "nft": 14, "ipset": 13}


@pytest.mark.parametrize("how", ["restore", "script", "flush-first"])
@pytest.mark.parametrize("kind", BAD)
def test_a_refusal_tells_the_line_of_the_ruleset_and_of_the_template(node: Node, kind: str, how: str) -> None:
    new = from_template(kind, BAD[kind])
    with Applying(node, commands(Apply(how), Rulesets(), new, NFT), new) as applying:
        with pytest.raises(InputError, match=f"policies/edge.j2:{PLACES[kind]}: ") as error:
            applying.finish()
        assert applying.done
    statement = BAD[kind].split("\n")[PLACES[kind] - 11].strip()
    assert statement in error.value.problems[0].what


def test_a_teams_own_script_runs_in_the_node_and_writes_nothing_of_the_machines(node: Node, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"iptables-nft -P INPUT DROP; echo $$ $HOSTNAME $(hostname); : > {told} || exit 7"
    with Applying(node, commands(Apply("run", ("sh", "-c", script)), OLD, NEW, NFT)) as applying:
        with pytest.raises(InputError, match="ended with"):
            applying.finish()
        ran, = applying.ran
    assert ran.out.split()[1:] == ["alone"]
    assert not told.exists()
    assert "DROP" in str(rules_of(node, NFT))


def test_who_runs_them_is_killed_from_elsewhere(node: Node) -> None:
    with Applying(node, [FOR_EVER]) as applying:
        assert applying.advance()
        node.programs[0].stop()
        until_told(applying)
        with pytest.raises(MeasurementError, match="has ended before it"):
            applying.finish()
