"""Changes of rules in every dialect, and nodes on their own that they are applied to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lab.kernel.ground.namespace import Home
from lab.kernel.ground.tools import run
from lab.kernel.hold.applying import Applying, Ran
from lab.kernel.hold.loading import load
from lab.kernel.hold.read_back import held
from lab.kernel.stage.node import Node
from lab.ruleset.applying.command import Command
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.scenes import ESTABLISHED, rendered, rulesets, table

NFT, LEGACY = Backend
HOSTILE = 'it\'s \\"x\\" `rm` $(rm) \\\\ -j ; | & *'
OLD = replace(
    rulesets(
        table(
            "filter", ESTABLISHED, "-A FORWARD -m set --match-set lists src -j old",
            "-A FORWARD -m set --match-set nets src -j old", '-A old -m comment --comment "open',
            FORWARD="DROP", old="-",
        ) + table("nat", "-A POSTROUTING -j MASQUERADE"),
        v6=table("filter", "-A INPUT -p tcp -j DROP"),
    ),
    ipset=rendered(
        "create a hash:ip\nadd a 10.0.0.1\ncreate nets hash:net\nadd nets 10.0.0.0/24\ncreate lists list:set\nadd lists a\n"
    ),
)  # fmt: skip
NEW = replace(
    rulesets(
        table(
            "filter", ESTABLISHED, f'-A web -m comment --comment "{HOSTILE}" -j ACCEPT',
            "-A web -m set --match-set both src -j DROP", "[5:300] -A FORWARD ! -s 10.0.0.0/8 -j web", FORWARD="DROP", web="-",
        ) + table("mangle", "-A FORWARD -j MARK --set-mark 1"),
    ),
    ipset=rendered(
        "create a hash:ip\nadd a 10.0.0.2\ncreate others hash:net\ncreate both list:set\nadd both a\nadd both others\n"
    ),
)  # fmt: skip
OLD_NATIVE = Rulesets(nft=rendered("""define lan = { 10.0.0.0/8, 172.16.0.0/12 }
table inet filter {
    set seen { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 }
    }
    chain web {
        tcp dport { 80, 443 } counter accept comment "it's $(lan)"
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ip saddr $lan jump web
        ip saddr @seen drop
    }
}
table ip nat {
    chain post { type nat hook postrouting priority 100; masquerade
    }
}
""", "gateway.nft"))  # fmt: skip
NEW_NATIVE = Rulesets(nft=rendered("""table inet filter {
    set seen { type ipv4_addr; elements = { 10.0.0.3 }
    }
    map led { type ipv4_addr : verdict; elements = { 10.9.9.9 : jump mail }
    }
    chain mail {
        tcp dport 25 accept
    }
    chain forward {
        type filter hook forward priority 0; policy accept;
        ip saddr vmap @led
        ip saddr @seen tcp dport { 22,
            25 } drop
        jump { counter; }
    }
}
table ip6 other {
    chain own {
    }
}
""", "gateway.nft"))  # fmt: skip
CHANGES = {
    "nft": (OLD, NEW, NFT), "legacy": (OLD, NEW, LEGACY), "native": (OLD_NATIVE, NEW_NATIVE, NFT),
    "to native": (OLD, NEW_NATIVE, NFT), "from native": (OLD_NATIVE, NEW, NFT),
}  # fmt: skip


@contextmanager
def a_node(rules: Rulesets, backend: Backend) -> Iterator[Node]:
    home = Home()
    node = Node("alone", home)
    try:
        load(node, rules, backend)
        yield node
    finally:
        node.close()
        home.close()


def rules_of(node: Node, backend: Backend) -> list[Any]:
    """What the node holds but for base chains that accept all: iptables-legacy cannot take those away again."""
    listing: tuple[Any, ...] = held(node, backend).listing
    return [one for one in listing if one[4:] != ("ACCEPT", [])]


def apply(node: Node, done: Sequence[Command], rules: Rulesets, backend: Backend) -> tuple[Ran, ...]:
    with Applying(node, done, rules, backend) as applying:
        return applying.finish()


def run_all(node: Node, done: Sequence[Command]) -> None:
    for one in done:
        ran = run(node.namespace, one.argv, one.stdin)
        assert ran.code == 0 or one.may_fail, f"{one}: {ran.err}"
