"""Each match and target of iptables, held by both iptables and in nft's own words: a flow that meets it, one that does not."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path as FilePath

import pytest

from lab.kernel.ground.privileges import ROOTLESS
from lab.kernel.stage.rest import Pin
from lab.lab import Lab
from lab.record.path import Path
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.matches.case import MET, Case, Flow, Probe, stage
from tests.kernel.matches.cases import CASES
from tests.kernel.matches.everything import MATCHES, TARGETS
from tests.kernel.matches.of_ends import OTHERWISE
from tests.kernel.scenes import BUILT_IN, rendered, table, topology

pytestmark = pytest.mark.kernel

_EXTENSIONS = ("usr/lib/*/xtables", "usr/lib/xtables", "usr/lib64/xtables", "lib/xtables")
_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0}


class Labs:
    """A lab for each stage, which takes the rules of one case after the other."""

    def __init__(self, backend: Backend, undo: ExitStack) -> None:
        self._backend, self._undo = backend, undo
        self._labs: dict[str, Lab] = {}

    def with_rules(self, case: Case, rules: Rulesets) -> Lab:
        """The lab of the case's stage, whose gateway holds these rules from now on."""
        written = stage(case)
        lab = self._labs.get(str(written))
        if lab is None:
            lab = self._labs[str(written)] = Lab(topology(written), {"gateway": rules}, backend=self._backend)
            self._undo.callback(lab.close)
        else:
            lab.load("gateway", rules)
        return lab


@pytest.fixture(scope="module")
def every_lab() -> Iterator[Mapping[str, Labs]]:
    """The labs by the words of nft, or those of iptables by backend."""
    with ExitStack() as undo:
        yield {name: Labs(backend, undo) for name, backend in
               (("nft", Backend.NFT), ("legacy", Backend.LEGACY), ("native", Backend.NFT))}  # fmt: skip


def in_iptables(case: Case, rule: str = "") -> Rulesets:
    """The rulesets of a case, of the one iptables of its family."""
    rules: dict[str, list[str]] = {name: [*lines] for name, lines in case.before.items()}
    rules.setdefault(case.table, []).append(f"{rule or case.rule} -m comment --comment {MET} -j {case.does or 'DROP'}")
    text = "".join(table(name, *rules[name]) for name in BUILT_IN if name in rules)
    sets = rendered(case.ipset, "gateway.ipset") if case.ipset else None
    made = rendered(text)
    return Rulesets(v4=made, ipset=sets) if case.family == 4 else Rulesets(v6=made, ipset=sets)


def in_nft(case: Case) -> Rulesets:
    """The same in nft's own words."""
    family, hook = {4: "ip", 6: "ip6"}[case.family], case.chain.lower()
    nat = any(word in case.nft_before for word in ("dnat", "redirect"))
    kind = "nat" if nat else "filter"
    notrack = "notrack" in case.nft_before
    before = f" chain first {{ type {kind} hook prerouting priority {-300 if notrack else -100}; {case.nft_before}; }}\n"
    end = "" if case.does else " drop"
    own = f' chain own {{ type filter hook {hook} priority {_PRIORITIES[case.table]}; {case.nft}{end} comment "{MET}"; }}\n'
    return Rulesets(nft=rendered(f"table {family} matched {{\n{before if case.nft_before else ''}{own}}}\n", "gateway.nft"))


def seen(lab: Lab, flow: Flow) -> list[Path]:
    """The paths of all packets of a flow."""
    with lab.everything_traced():
        if isinstance(flow, Probe):
            found = lab.probe(flow.sender, flow.target, flow.service, at="gateway", **flow.keys).observation
            assert found.request, "it came to no traced node"
            return [*found.request, *found.answer, *found.others]
        with lab.batch(), Pin():
            return sent(lab, flow.made())


def sent(lab: Lab, packet: bytes) -> list[Path]:
    """The paths of a packet that the client sends as it is, and of what it leads to."""
    four = packet[0] >> 4 == 4
    lab.instrument.paths()
    domain, at = (sockets.AF_INET, slice(16, 20)) if four else (sockets.AF_INET6, slice(24, 40))
    with lab.network.nodes["client"].socket(domain, sockets.SOCK_RAW, sockets.IPPROTO_RAW) as channel:
        channel.sendto(packet, (sockets.inet_ntop(domain, packet[at]), 0))
    lab.network.rest()
    proto = packet[9] if four else packet[6]
    return [path for path in lab.instrument.paths() if path.node == "gateway" and (proto == 0 or path.entry.proto != 1)]


def met(paths: list[Path]) -> bool:
    """Whether one of the packets met the rule."""
    assert paths, "nothing of it was traced"
    return any(step.rule is not None and step.rule.is_called(MET) for path in paths for step in path.steps)


def decided(paths: list[Path]) -> bool:
    """Whether the rule dropped one of them."""
    return any(path.dropped_by is not None and path.dropped_by.is_called(MET) for path in paths)


def holds(case: Case, lab: Lab, other: Callable[[], object] | None = None) -> None:
    """The flow that is to meet the rule does, and the other does not."""
    paths = seen(lab, case.meets)
    assert met(paths), [str(step.rule) for path in paths for step in path.steps]
    assert decided(paths) is not bool(case.does)
    if other is not None:
        other()
    assert not met(seen(lab, case.misses))


def skip_what_cannot_be(case: Case, held_by: str) -> None:
    if held_by == "legacy" and not case.legacy:
        pytest.skip("ip_tables is not traced on a bridge")
    if case.root and (os.geteuid() != 0 or ROOTLESS in os.environ):
        pytest.skip("there is no other user without root")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
@pytest.mark.parametrize("held_by", ["nft", "legacy"])
def test_in_iptables(every_lab: Mapping[str, Labs], held_by: str, case: Case) -> None:
    skip_what_cannot_be(case, held_by)
    labs, otherwise = every_lab[held_by], OTHERWISE.get(case.id)
    own = labs.with_rules(case, in_iptables(case))
    rule = f"-A {case.chain} {otherwise}"
    holds(case, own, None if otherwise is None else lambda: labs.with_rules(case, in_iptables(case, rule)))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES if case.nft and case.id not in OTHERWISE])
def test_in_nft_s_own_words(every_lab: Mapping[str, Labs], case: Case) -> None:
    skip_what_cannot_be(case, "native")
    holds(case, every_lab["native"].with_rules(case, in_nft(case)))


def test_every_extension_that_is_installed_is_in_the_list() -> None:
    """What iptables finds its extensions by: lower case for a match, upper case for a target; two of them are neither."""
    files = [file.stem for folder in _EXTENSIONS for file in FilePath("/").glob(f"{folder}/lib[ix]*.so")]
    if not files:
        pytest.skip("the extensions of this iptables lie elsewhere")
    names = {name.partition("_")[2] for name in files if name.startswith(("libxt_", "libipt_", "libip6t_"))}
    assert names - {"standard", "NAT"} <= {*MATCHES, *TARGETS}


def test_the_mss_as_it_arrives(every_lab: Mapping[str, Labs]) -> None:
    (case,) = [one for one in CASES if one.name == "TCPMSS"]
    lab = every_lab["nft"].with_rules(replace(case, rule="-A FORWARD -p tcp --dport 9"), in_iptables(case, "-A FORWARD -p udp"))
    with lab.network.nodes["server"].socket(sockets.AF_PACKET, sockets.SOCK_DGRAM, sockets.htons(0x0800)) as listening:
        assert lab.probe("client", "server", "tcp/443").allowed
        assert lab.probe("client", "server", "tcp/444").allowed
        syns = [packet for packet in waiting(listening) if packet[9] == 6 and packet[33] == 0x02]
    assert [int.from_bytes(syn[42:44], "big") for syn in syns] == [1000, 1460], "the option that comes first is the MSS"


def waiting(channel: sockets.socket) -> Iterator[bytes]:
    """The packets that wait there."""
    while True:
        try:
            yield channel.recv(2048)
        except BlockingIOError:
            return
