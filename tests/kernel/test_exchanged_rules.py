"""After a load a node holds what a new lab with that policy would, after a refused one what it held before."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from lab.errors import InputError, LabError, MeasurementError, Problem
from lab.kernel.ground.names import OWN_TABLES
from lab.kernel.ground.tools import run
from lab.kernel.hold import exchange
from lab.kernel.hold.line_map import NodeLines
from lab.kernel.stage.node import Node
from lab.lab import Lab
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.site import Site
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

DENY = "-A FORWARD -p tcp --dport 80 -m comment --comment deny -j DROP"
SETS = "create hosts hash:ip\nadd hosts 10.0.1.{}\ncreate nets hash:net\nadd nets 10.0.{}.0/24\n"
LISTS = SETS + "create both list:set\nadd both hosts\nadd both nets\n"
BY_SET = "-A FORWARD -m set --match-set {} src -j DROP"
NATIVE = """\
table inet fw {{
    set ports {{
        type {type}
        elements = {{ {elements} }}
    }}
    chain f {{
        type filter hook forward priority 0; policy drop;
        {match} @ports accept
    }}
}}
"""
PORTS = NATIVE.format(type="inet_service", elements="80, 443", match="tcp dport")
HOSTS = NATIVE.format(type="ipv4_addr", elements="10.0.1.10", match="ip saddr")
IP_FILTER = "table ip filter {\n    chain FORWARD {\n        type filter hook forward priority 0; policy accept;\n    }\n}\n"


def nft(text: str) -> Rulesets:
    return Rulesets(nft=rendered(text, "gateway.nft"))


def by_sets(sets: str, *names: str) -> Rulesets:
    return Rulesets(
        ipset=rendered(sets, "gateway.ipset"),
        v4=rendered(table("filter", *(BY_SET.format(name) for name in names))),
    )


# each is loaded over the one before it
POLICIES: Mapping[str, Rulesets] = {
    "two tables": rulesets(table("filter", DENY, FORWARD="DROP", mine="-") + table("nat", "-A PREROUTING -j ACCEPT")),
    "fewer tables and chains": rulesets("*filter\n:FORWARD ACCEPT [0:0]\n" + ESTABLISHED + "\nCOMMIT\n"),
    "another table": rulesets(table("mangle", "-A FORWARD -j ACCEPT")),
    "both families": rulesets(table("filter", DENY), v6=table("filter", "-A INPUT -j ACCEPT") + table("raw")),
    "a script": nft(PORTS),
    "a script that flushes first": nft("flush ruleset\n" + HOSTS),
    "a script with iptables' names": nft(IP_FILTER),
    "iptables again": rulesets(table("filter", DENY)),
    "sets": by_sets(SETS.format(7, 8), "hosts"),
    "other entries": by_sets(LISTS.format(10, 9), "hosts", "both"),
    "fewer sets": by_sets("create nets hash:net\nadd nets 10.0.1.0/24\n", "nets"),
    "no sets, and a script beside": Rulesets(v4=rendered(table("filter", DENY)), nft=rendered(PORTS, "gateway.nft")),
    "nothing": Rulesets(),
}


def listing(node: Node, backend: Backend) -> list[str]:
    """All that a node holds, as its tools print it, but for what a table of ip_tables leaves when it is emptied.

    Both families are loaded side by side, so which table was made first is chance.
    """
    def printed(*command: str) -> str:
        done = run(node.namespace, command)
        assert done.code == 0, done.err
        return done.out

    saved = [printed(f"{tool}-{backend}-save") for tool in ("iptables", "ip6tables")]
    tables = [re.sub(r"\[\d+:\d+\]", "", one) for text in saved for one in re.findall(r"(?ms)^\*.*?^COMMIT$", text)]
    sets = re.sub(r" (?:initval|hashsize|bucketsize) \S+", "", printed("ipset", "save")).splitlines()
    places = re.findall(r"(?m)^table (\S+) (\S+)", printed("nft", "list", "tables"))
    native = [printed("nft", "-s", "list", "table", *place) for place in places if place not in OWN_TABLES]
    return [one for one in tables if "\n-A" in one or " DROP " in one or backend is Backend.NFT] + sorted(native) + sorted(sets)


def test_what_is_held_is_what_a_new_lab_holds(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=POLICIES["nothing"])
    node = lab.network.nodes["gateway"]
    for name, policy in POLICIES.items():
        lab.load("gateway", policy)
        with Site(topology(corridor()), {"gateway": policy}, backend=backend) as new:
            assert listing(node, backend) == listing(new.network.nodes["gateway"], backend), name
            ours, theirs = lab.policies["gateway"], new.held.policies["gateway"]
            assert [*map(str, ours.index.all())] == [*map(str, theirs.index.all())], name
            assert [rule.source for rule in ours.index.all()] == [rule.source for rule in theirs.index.all()], name


def verdict(lab: Lab) -> tuple[Kind, str | None]:
    seen = lab.probe("client", "server", "tcp/80")
    return seen.kind, seen.rule.comment if seen.rule else None


KNOWN = NodeLines({"v4": {}, "nft": {}})  # without a trial in a namespace that is thrown away: refused in the midst of the load
BAD = rulesets(table("mangle") + table("filter", "-A FORWARD -j NOWHERE"))
REFUSED = [
    pytest.param(BAD, None, "NOWHERE", id="iptables"),
    pytest.param(BAD, KNOWN, "NOWHERE", id="iptables half-way"),
    pytest.param(nft(PORTS.replace("tcp dport", "tcp dprt")), KNOWN, "dprt", id="nft"),
    pytest.param(by_sets(SETS.format(1, 2), "missing"), KNOWN, "missing", id="a set that is missing"),
    pytest.param(by_sets(SETS.format(1, 2000), "hosts"), KNOWN, "10.0.2000", id="a set"),
    pytest.param(nft(PORTS.replace("tcp dport", "meta nftrace set 0 tcp dport")), None, "switch off", id="blinding"),
    pytest.param(nft(PORTS.replace("inet fw", "inet lab_trace_4711")), None, "the lab's own names", id="own name"),
]


@pytest.mark.parametrize(("policy", "lines", "word"), REFUSED)
def test_a_refused_one_leaves_what_was_held(
    lab_of: LabOf, backend: Backend, policy: Rulesets, lines: NodeLines | None, word: str
) -> None:
    lab = lab_of(corridor(), gateway=table("filter", DENY) + table("nat", "-A PREROUTING -j ACCEPT"))
    node = lab.network.nodes["gateway"]
    before = listing(node, backend)
    with lab.batch():
        with pytest.raises(InputError, match=re.escape(word)):
            lab.load("gateway", policy, lines)
        assert listing(node, backend) == before
        assert verdict(lab) == (Kind.DROPPED, "deny")
    lab.load("gateway", rulesets(table("filter")))
    assert verdict(lab) == (Kind.ALLOWED, None)


def broken(lab: Lab, words: str) -> None:
    with pytest.raises(MeasurementError, match=words):
        lab.probe("client", "server", "tcp/80")
    with pytest.raises(MeasurementError, match=words):
        lab.load("gateway", rulesets(table("filter")))


def test_what_was_remembered_cannot_be_put_back(lab_of: LabOf) -> None:
    """Then it is said, and nothing is asked of the node any more."""
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p udp -m limit --limit 1/hour -j ACCEPT", DENY))
    words = "gateway: the rules of before were loaded again, and what they remembered is gone"
    with pytest.raises(InputError, match=f"(?s)switch off the trace.*{words}"):
        lab.load("gateway", nft(PORTS.replace("tcp dport", "meta nftrace set 0 tcp dport")))
    broken(lab, words)


def test_rules_that_cannot_be_put_back(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter", DENY))
    bad = nft(PORTS.replace("inet fw", "inet lab_count"))

    def fails(*_: object) -> None:
        raise MeasurementError(Problem("no more"))

    def load() -> None:
        monkeypatch.setattr(exchange, "_exchange_iptables", fails)
        lab.load("gateway", bad)

    with pytest.raises(LabError):
        load()
    monkeypatch.undo()
    broken(lab, "gateway: nor could the rules of before be loaded again: no more")


def test_an_interrupted_load(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=table("filter", DENY))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(exchange, "_exchange_nft", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.load("gateway", rulesets(table("filter")))
    monkeypatch.undo()
    broken(lab, "gateway: a load was interrupted")


def test_a_set_of_another_type_is_refused(lab_of: LabOf, backend: Backend) -> None:
    """A rule holds it, and the kernel swaps only what is alike."""
    lab = lab_of(corridor(), gateway=by_sets(SETS.format(7, 8), "hosts"))
    before = listing(lab.network.nodes["gateway"], backend)
    with pytest.raises(InputError, match="set hosts cannot take the place of the one that rules name"):
        lab.load("gateway", by_sets("create hosts hash:net\n", "hosts"))
    assert listing(lab.network.nodes["gateway"], backend) == before
    assert verdict(lab)[0] is Kind.ALLOWED


def test_sets_that_are_written_as_before_keep_what_rules_put_into_them(lab_of: LabOf) -> None:
    sets = "create seen hash:ip\n"
    lab = lab_of(corridor(), gateway=by_sets(sets, "seen"))
    node = lab.network.nodes["gateway"]
    assert run(node.namespace, ["ipset", "add", "seen", "10.0.1.10"]).code == 0
    lab.load("gateway", Rulesets(ipset=rendered(sets, "gateway.ipset"), v4=rendered(table("filter", DENY))))
    assert run(node.namespace, ["ipset", "test", "seen", "10.0.1.10"]).code == 0


def test_a_comment_of_an_element_may_have_signs_that_end_a_line_elsewhere(lab_of: LabOf) -> None:
    comment = 'comment "web\x0cshop\u2028one"'
    sets = f"create seen hash:ip comment\nadd seen 10.0.1.10 {comment}\n"
    lab = lab_of(corridor(), gateway=by_sets(sets, "seen"))
    lab.load("gateway", by_sets(sets + f"add seen 10.0.1.11 {comment}\n", "seen"))
    held = run(lab.network.nodes["gateway"].namespace, ["ipset", "save"]).out.split("\n")
    assert [f"add seen 10.0.1.{host} {comment}" in held for host in (10, 11)] == [True, True]


def test_sets_that_are_refused_leave_rules_that_remember_as_they_are(lab_of: LabOf) -> None:
    limited = table("filter", ESTABLISHED, "-A FORWARD -p tcp -m limit --limit 1/day --limit-burst 1 -j ACCEPT", FORWARD="DROP")
    lab = lab_of(corridor(), gateway=limited)
    sets = rendered("create s hash:ip\nadd s 10.0.1.999\n", "gateway.ipset")
    wrong = Rulesets(v4=rendered(table("filter"), "gateway.rules"), ipset=sets)
    with pytest.raises(InputError, match=r"gateway\.ipset:2"):
        lab.load("gateway", wrong)
    assert lab.probe("client", "server", "tcp/80").kind is Kind.ALLOWED
