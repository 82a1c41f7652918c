"""A gateway whose rules somebody changes by hand, and what it then holds."""

from __future__ import annotations

from lab.kernel.ground.tools import run
from lab.kernel.hold.held import Held
from lab.kernel.hold.read_back import held
from lab.lab import Lab
from tests.kernel.scenes import table

WEB, DNS = "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT", "-A FORWARD -p udp -m udp --dport 53 -j ACCEPT"
RULES = table("filter", WEB, "-A FORWARD -p tcp -j web", DNS, DNS, "-A web -j RETURN", FORWARD="DROP", web="-")
SCRIPT = """table inet door {
    set friends { type ipv4_addr; elements = { 10.0.1.10 } }
    chain forward {
        type filter hook forward priority filter; policy drop;
        tcp dport 80 accept
        meta l4proto udp jump { udp dport 53 accept; udp dport 54 drop; }
        ip saddr @friends accept
    }
}
"""


def change(lab: Lab, *commands: str) -> None:
    """Change the gateway's rules by hand."""
    for command in commands:
        done = run(lab.network.nodes["gateway"].namespace, command.split())
        assert done.code == 0, (command, done.err)


def reread(lab: Lab) -> Held:
    return held(lab.network.nodes["gateway"], lab.backend, before=lab.policies["gateway"])


def told(of: Held) -> list[tuple[str, int, str, str | None]]:
    """Chain, place, text and line of each rule."""
    return [(rule.chain, rule.number, rule.text.partition(" comment ")[0], rule.source) for rule in of.rules()]


def sources(of: Held, chain: str = "FORWARD") -> list[str | None]:
    return [rule.source for rule in of.rules() if rule.chain == chain]
