"""What the kernel's own nft_queue.sh holds of queues: every hook can hand over, from more than one base chain, and no hook is
asked twice for it.

Here rules of iptables hand over; native ``queue`` is asked where the kernel has it.  Queues that are handed on to others, and
VRFs, are not here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.errors import MachineError
from lab.lab import Lab
from lab.record.path import End, Path
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.dual import dual
from tests.kernel.scenes import corridor, rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

MANGLE = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
ALSO = {"raw": ("PREROUTING", "OUTPUT"), "filter": ("INPUT", "FORWARD", "OUTPUT")}
FAMILIES = pytest.mark.parametrize("family", [4, 6])
ECHO = {4: "icmp/echo-request", 6: "icmpv6/echo-request"}
NUMBER = {4: 0, 6: 1}


def everywhere(family: int, *, also: bool = False, bypass: str = "") -> str:
    """Echoes are handed over in all hooks, in one base chain of each, or also in a second."""
    proto = "icmp" if family == 4 else "icmpv6"
    types = ("--icmp-type 8", "--icmp-type 0") if family == 4 else ("--icmpv6-type 128", "--icmpv6-type 129")
    rule = f"-A {{}} -p {proto} {{}} -j NFQUEUE --queue-num {NUMBER[family]}{bypass}"
    tables = {"mangle": MANGLE, **(ALSO if also else {})}
    return "".join(table(name, *(rule.format(hook, one) for hook in hooks for one in types)) for name, hooks in tables.items())


def asked(verdict: Verdict) -> Iterator[tuple[str, ...]]:
    """Of each path, request and answer, the base chains that handed it over and had it back."""
    observation = verdict.observation
    for path in (*observation.request, *observation.answer):
        assert path.end in (End.LEFT, End.DELIVERED)
        yield tuple(f"{step.table} {step.hook}" for step in path.steps if step.read is not None and step.read[1] == "accept")


@FAMILIES
def test_rules_that_may_be_bypassed_let_through_where_nobody_reads(lab_of: LabOf, family: int) -> None:
    rules = {4: everywhere(4, bypass=" --queue-bypass"), 6: everywhere(6, bypass=" --queue-bypass")}
    lab = lab_of(dual(), gateway=rulesets(rules[4], v6=rules[6]))
    assert lab.probe("client", "server", ECHO[family], family=family).allowed
    assert lab.probe("client", "gateway@left", ECHO[family], family=family).allowed


@FAMILIES
def test_a_queue_that_nobody_reads_swallows(lab_of: LabOf, family: int) -> None:
    hole = table("filter", "-A FORWARD -j NFQUEUE --queue-num 600")
    lab = lab_of(dual(), gateway=rulesets(hole, v6=hole))
    verdict = lab.probe("client", "server", ECHO[family], family=family)
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.CONSUMED, "gateway", False), verdict.proof


@FAMILIES
def test_all_hooks_hand_over_and_none_is_asked_again(lab_of: LabOf, family: int) -> None:
    lab = lab_of(dual(queues={"accept": "0-1"}), gateway=rulesets(everywhere(4), v6=everywhere(6)))
    through = ("mangle prerouting", "mangle forward", "mangle postrouting")
    assert list(asked(lab.probe("client", "server", ECHO[family], family=family))) == [through, through]
    to_router = lab.probe("client", "gateway@left", ECHO[family], family=family)
    assert list(asked(to_router)) == [("mangle prerouting", "mangle input"), ("mangle output", "mangle postrouting")]


@FAMILIES
def test_more_than_one_base_chain_of_a_hook_hands_over(lab_of: LabOf, family: int) -> None:
    lab = lab_of(dual(queues={"accept": "0-1"}), gateway=rulesets(everywhere(4, also=True), v6=everywhere(6, also=True)))
    way = ("raw prerouting", "mangle prerouting", "mangle forward", "filter forward", "mangle postrouting")
    assert list(asked(lab.probe("client", "server", ECHO[family], family=family))) == [way, way]
    into = ("raw prerouting", "mangle prerouting", "mangle input", "filter input")
    out = ("raw output", "mangle output", "filter output", "mangle postrouting")
    assert list(asked(lab.probe("client", "gateway@left", ECHO[family], family=family))) == [into, out]


def test_tcp_through_a_queue_and_by_the_loopback(lab_of: LabOf) -> None:
    forward = table("filter", "-A FORWARD -p tcp --dport 12000 -j NFQUEUE --queue-num 2",
                    "-A OUTPUT -p tcp --dport 12000 -j NFQUEUE --queue-num 3",
                    "-A OUTPUT -p tcp --sport 12000 -j NFQUEUE --queue-num 3")  # fmt: skip
    lab = lab_of(corridor(gateway={"queues": {"accept": [2, 3]}}), gateway=forward)
    assert lab.probe("client", "server", "tcp/12000").allowed
    own = lab.probe("gateway", "127.0.0.1", "tcp/12000")
    assert own.allowed, own.proof
    read = [step.read for path in own.path for step in path.steps if step.read is not None]
    assert read == [("3", "accept")]


SCRIPT = """
table inet ips {
	chain forward {
		type filter hook forward priority filter; policy accept;
		udp dport 53 queue num 4-7
		udp dport 54 queue flags bypass to 9
		udp dport 55 queue num 9
	}
}
"""


def test_the_queue_of_nft() -> None:
    written = topology(dual(queues={"accept": "4-7"}))
    try:
        lab = Lab(written, {"gateway": Rulesets(nft=rendered(SCRIPT, "gateway.nft"))})
    except MachineError as error:
        assert "nft_queue" in str(error)  # noqa: PT017 - what the machine lacks is named, and the rest needs it
        pytest.skip(str(error))
    with lab:
        (path,) = lab.probe("client", "server", "udp/53").path
        assert isinstance(path, Path)
        assert path.steps[0].read is not None
        assert lab.probe("client", "server", "udp/54").allowed
        assert lab.probe("client", "server", "udp/55").kind is Kind.CONSUMED
