"""What `lab init` lays out: what is shipped, or the least that a project can be, to write over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_FOLDERS = ("topologies", "policies", "matrices", "changes", "schemas", "ci")
_CI = ("github-actions.yml", "gitlab-ci.yml")
_TOPOLOGY = """\
topology: edge
about: A gateway between the internet and one network.
networks:
  wan: 198.51.100.0/24
  lan: 10.20.1.0/24
nodes:
  world: {role: internet, interfaces: {wan: 198.51.100.254}, anyip: true, via: gateway}   # every address beyond the lab
  gateway: {role: gateway, interfaces: {wan: 198.51.100.1, lan: 10.20.1.1}, forwards: true, via: world}
  pc: {role: client, interfaces: {lan: 10.20.1.10}, via: gateway}
"""
_POLICY = """\
# as iptables-save prints it; edge.rules6, edge.ipset and edge.nft belong to the same policy
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o wan -m comment --comment "masquerade" -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan -o wan -p tcp -m multiport --dports 80,443 -m comment --comment "surf" -j ACCEPT
COMMIT
"""
_MATRIX = """\
matrix: edge
about: What the gateway lets through.
for: gateway
topology: edge
policies: {gateway: edge}
flows:
  - {name: people surf, from: pc, to: world, service: "tcp/80,443", expect: allow, rule: surf, arrives: {from: 198.51.100.1}}
  - {name: nobody comes in, from: world, to: [pc, gateway@wan], service: "tcp/22,80,443", expect: drop}
default:
  expect: drop
  between: [net:wan, net:lan]
  services: [tcp/1-1023, udp/1-1023]
"""
BARE: Mapping[str, str] = {
    "topologies/edge.yaml": _TOPOLOGY, "policies/edge.rules": _POLICY, "matrices/edge.yaml": _MATRIX,
}  # fmt: skip
"""Text by its place in the project."""


def shipped_files() -> Iterator[tuple[str, str]]:
    """Place and text of what is shipped and of use in a project."""
    from lab.written.shipped import shipped_root

    root = shipped_root()
    for name in _FOLDERS:
        for source in sorted((root / name).rglob("*")):
            if source.is_file() and (name != "ci" or source.name in _CI):
                yield str(source.relative_to(root)), source.read_text(encoding="utf-8")
