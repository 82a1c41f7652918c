"""On rulesets that nobody wrote, both gears of a sweep say of every port what a probe of that port says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lab.lab import Lab
from lab.record.sweep import Gear
from tests.kernel.scenes import rulesets, topology
from tests.kernel.sweeps import assert_same
from tests.kernel.test_ipv6 import CLIENT as CLIENT_6
from tests.kernel.test_ipv6 import NEAR as NEAR_6
from tests.kernel.test_ipv6 import SERVER as SERVER_6
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel

# A lab is built for each example, so the profile's number is divided: `--hypothesis-profile=soak` asks for thousands.
FEW = 5
EXAMPLES = max(FEW, settings().max_examples // 20)
ADDRESSES = {4: ("10.0.1.10", "10.0.1.1", "10.0.2.10", "10.0.2.99"), 6: (CLIENT_6, NEAR_6, SERVER_6, "2001:db8:2::99")}
REJECTS = {
    4: ["icmp-net-unreachable", "icmp-host-unreachable", "icmp-port-unreachable", "icmp-proto-unreachable",
        "icmp-net-prohibited", "icmp-host-prohibited", "icmp-admin-prohibited"],
    6: ["icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-port-unreachable",
        "icmp6-policy-fail", "icmp6-reject-route"],
}  # fmt: skip
SUB_CHAINS = ("one", "two", "three")
CHAINS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


@dataclass(frozen=True)
class Example:
    """A ruleset of the gateway, the ports that the server has open, and what is swept."""

    family: int
    proto: str
    ruleset: str
    services: tuple[int, ...]
    target: str
    low: int
    high: int


Draw = Callable[[st.SearchStrategy[Any]], Any]


class Writer:
    """Draws the rules of one ruleset; its constants are few and lie in the window, so that rules overlap."""

    def __init__(self, draw: Draw, family: int, proto: str, low: int, high: int) -> None:
        self.draw, self.family, self.proto, self.low, self.high = draw, family, proto, low, high
        some = draw(st.lists(st.integers(low, high), min_size=3, max_size=7, unique=True))
        self.ports = sorted({low, high, *some})

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def port(self) -> int:
        return int(self.draw(st.sampled_from(self.ports)))

    def range(self) -> str:
        first, last = sorted((self.port(), self.port()))
        return f"{first}:{last}" if first < last else f"{first}"

    def match(self) -> str:
        """Which packets a rule is about."""
        proto, no = f"-p {self.proto}", self.one_of("", "", "! ")
        several = ",".join(self.one_of(str(self.port()), self.range()) for _ in range(self.one_of(1, 2, 4)))
        return str(self.one_of(
            f"{proto} {no}--dport {self.port()}", f"{proto} {no}--dport {self.range()}", f"{proto} {no}--dport {self.range()}",
            f"{proto} -m multiport {no}--dports {several}", f"{proto} -m multiport {no}--dports {several}",
            f"{proto} -m multiport {no}--ports {several}", proto, "", "-i left", "-o right",
            f"-m mark {no}--mark 0x{self.one_of(1, 2)}", "-m conntrack --ctstate NEW",
            "-m conntrack --ctstate ESTABLISHED,RELATED",
            "-m connmark --mark 0x1", f"{no}-d {self.one_of(*ADDRESSES[self.family])}", "-m addrtype --dst-type LOCAL",
            "-p tcp --tcp-flags RST RST", f"-p {'icmp' if self.family == 4 else 'icmpv6'}", "-m conntrack --ctstate DNAT",
        ))  # fmt: skip

    def fits(self, match: str, chain: str) -> bool:
        """Whether iptables takes the match in a chain that is reached from this base chain."""
        wrong = {"-i ": ("OUTPUT", "POSTROUTING", *SUB_CHAINS), "-o ": ("PREROUTING", "INPUT", *SUB_CHAINS)}
        return not any(option in match and chain in chains for option, chains in wrong.items())

    def target(self, table: str, match: str, deeper: Sequence[str]) -> str:
        """What a rule does; a chain calls only chains behind it, so that none calls itself."""
        choices = ["ACCEPT", "DROP", "RETURN", "LOG --log-prefix x", "DROP"]
        choices += [f"{verb} {chain}" for chain in deeper for verb in "jg"]
        if table == "filter":
            some = self.draw(st.lists(st.sampled_from(REJECTS[self.family]), max_size=2))
            choices += [f"REJECT --reject-with {kind}" for kind in some]
            choices += ["REJECT --reject-with tcp-reset"] * ("-p tcp" in match)
        if table == "mangle":
            choices += ["MARK --set-mark 0x1", "MARK --set-mark 0x2", "CONNMARK --save-mark", "CONNMARK --restore-mark"]
        if table == "raw":
            choices += ["CT --notrack"]
        chosen = str(self.draw(st.sampled_from(choices)))
        return f"-g {chosen[2:]}" if chosen[:2] == "g " else f"-j {chosen.removeprefix('j ')}"

    def rule(self, table: str, chain: str, deeper: Sequence[str]) -> str:
        match = self.match()
        if not self.fits(match, chain):
            match = ""
        if table == "raw" and ("-m conn" in match or "mark" in match):
            match = f"-p {self.proto} --dport {self.range()}"
        return f"-A {chain} {match} {self.target(table, match, deeper)}"

    def translation(self) -> str:
        """A rule of the nat table."""
        _, near, server, _ = ADDRESSES[self.family]
        to = server if self.family == 4 else f"[{server}]"
        match = self.one_of(f"--dport {self.port()}", f"--dport {self.range()}", f"! --dport {self.range()}",
                            f"-m multiport --dports {self.port()},{self.range()}")  # fmt: skip
        first, last = sorted((self.port(), self.port()))
        other = self.port()
        # beside the window: onto ports that are swept too, flows of one source port would collide
        beside = 20000 + first % 10000
        published = f"{beside}-{beside + last - first}/{first}"
        return str(self.one_of(
            f"-A PREROUTING -p {self.proto} {match} -j DNAT --to-destination {to}:{other}",
            f"-A PREROUTING -p {self.proto} {match} -j DNAT --to-destination {self.one_of(server, near)}",
            f"-A PREROUTING -p {self.proto} --dport {first}:{last} -j DNAT --to-destination {to}:{published}",
            f"-A PREROUTING -p {self.proto} {match} -j REDIRECT --to-ports {other}",
            f"-A POSTROUTING -o right -p {self.proto} {match} -j MASQUERADE",
            f"-A POSTROUTING -o right -j SNAT --to-source {'10.0.2.1' if self.family == 4 else '2001:db8:2::1'}",
        ))  # fmt: skip

    def table(self, name: str, chains: Sequence[str]) -> str:
        """A whole table: sub-chains that call each other, base chains, policies."""
        lines = [f"*{name}"]
        builtin = CHAINS[name] if name != "nat" else (*CHAINS[name], "INPUT", "OUTPUT")
        for chain in builtin:
            shut = name in ("filter", "mangle") and chain in chains and chain in ("FORWARD", "INPUT")
            lines.append(f":{chain} {self.one_of('ACCEPT', 'DROP', 'ACCEPT') if shut else 'ACCEPT'} [0:0]")
        if name == "nat":
            lines += [self.translation() for _ in range(self.one_of(1, 2, 4))]
            return "\n".join((*lines, "COMMIT", ""))
        lines += [f":{chain} - [0:0]" for chain in SUB_CHAINS]
        for number, chain in enumerate(SUB_CHAINS):
            lines += [self.rule(name, chain, SUB_CHAINS[number + 1 :]) for _ in range(self.one_of(0, 1, 3))]
        for chain in chains:
            lines += [self.rule(name, chain, SUB_CHAINS) for _ in range(self.one_of(0, 1, 2, 5))]
        return "\n".join((*lines, "COMMIT", ""))


@st.composite
def examples(draw: Draw, width: int) -> Example:
    family, proto = draw(st.sampled_from([4, 4, 6])), draw(st.sampled_from(["tcp", "udp"]))
    # far from the ports that the lab sends from, or a rule would match a probe's answer and not the sweep's
    low = draw(st.sampled_from([1, 80, 600, 65536 - width]))
    writer = Writer(draw, family, proto, low, low + width - 1)
    others = draw(st.lists(st.sampled_from(["raw", "mangle", "nat", "nat"]), unique=True, max_size=2))
    texts = [writer.table(name, draw(st.lists(st.sampled_from(CHAINS[name]), unique=True, max_size=2))) for name in others]
    texts.append(writer.table("filter", ["FORWARD", *draw(st.lists(st.sampled_from(["INPUT", "OUTPUT"]), unique=True))]))
    services = tuple(draw(st.lists(st.sampled_from(writer.ports), unique=True, max_size=2)))
    _, near, server, nobody = ADDRESSES[family]
    target = draw(st.sampled_from([server, server, server, near, near, nobody]))
    return Example(family, proto, "".join(texts), services, target, writer.low, writer.high)


def check(example: Example) -> None:
    written = dual_corridor()
    written["nodes"]["server"]["services"] = [f"{example.proto}/{port}" for port in example.services]
    policy = rulesets(**{f"v{example.family}": example.ruleset})
    with Lab(topology(written), {"gateway": policy}) as lab:
        try:
            sweeps = assert_same(lab, example.target, f"{example.proto}/{example.low}-{example.high}", family=example.family)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{example.ruleset}") from error
    for sweep in sweeps.values():
        assert sweep.count == example.high - example.low + 1
        event(f"{sweep.gear}: {len(sweep.groups)} groups")
    event(f"{'some' if sweeps[Gear.VERDICT].traced else 'none'} traced where counting could prove")


@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == FEW, suppress_health_check=list(HealthCheck))
@given(examples(60))
def test_a_few_ports(example: Example) -> None:
    check(example)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == FEW, suppress_health_check=list(HealthCheck))
@given(examples(400))
def test_ports_enough_to_be_counted(example: Example) -> None:
    check(example)
