"""A drill that is in order, to be changed for a test, in a project that has all that it names."""

from __future__ import annotations

from pathlib import Path

TOPOLOGY = """\
topology: edge
networks: {wan: 198.51.100.0/24, lan: 10.20.1.0/24}
nodes:
  world: {role: internet, interfaces: {wan: 198.51.100.254}, anyip: true, via: gateway}
  gateway: {role: gateway, interfaces: {wan: 198.51.100.1, lan: 10.20.1.1}, forwards: true, via: world}
  pc: {role: client, interfaces: {lan: 10.20.1.10}, via: gateway}
"""
POLICY = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i lan -o wan -p tcp -m multiport --dports 80,443 -m comment --comment "surf" -j ACCEPT
COMMIT
"""
MATRIX = """\
matrix: edge
for: gateway
topology: edge
policies: {gateway: edge}
flows:
  - {name: nobody comes in, from: world, to: pc, service: tcp/22, expect: drop}
"""
DRILL = """\
drill: no-surfing
about: People complain.
level: 2
roles: [on-call, network]
minutes: 20
topology: edge
policies: {gateway: edge}
vary: {port: [80, 443], who: [{name: Ann, floor: 1}, {name: Bo, floor: 2}]}
page: "{{ who.name }} of floor {{ who.floor }} cannot surf."
faults:
  - remove-rule: {node: gateway, comment: surf, family: 4}
  - boot-file: {node: gateway, path: /etc/iptables/rules.v4, policy: edge-old}
symptom:
  - {name: no surfing, from: pc, to: world, service: "tcp/{{ port }}", expect: drop}
contain:
  - {name: surfing, from: pc, to: world, service: "tcp/{{ port }}", expect: allow}
check:
  - {name: surfing, from: pc, to: world, service: "tcp/{{ port }}", expect: allow, rule: surf}
kept: [edge]
answer: {place: gateway filter:forward, kind: missing-accept}
hints: [Look at FORWARD.]
injects:
  - {at: 10m, or-when: contain-is-red, text: The director asks., expected: a time, if-not: hint}
  - {or-when: wrong-answer, text: "=1+1"}
fix: ["iptables -A FORWARD -i lan -o wan -p tcp -m multiport --dports 80,443 -m comment --comment surf -j ACCEPT"]
wrong:
  - iptables -A FORWARD -j ACCEPT
  - {about: of one port alone, type: ["iptables -A FORWARD -p tcp --dport 80 -j ACCEPT", {at: pc, type: id}]}
steps: [Try it.]
debrief:
  class: process
  cause: The rule is gone.
  row: {name: people surf, from: pc, to: world, service: tcp/443, expect: allow}
"""


def project(folder: Path, *changes: tuple[str, str], name: str = "no-surfing") -> Path:
    """The drill's file, each text replaced by the one beside it, in a project in ``folder``."""
    text = DRILL
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    files = {
        "topologies/edge.yaml": TOPOLOGY, "policies/edge.rules": POLICY, "policies/edge-old.rules": POLICY.replace(",443", ""),
        "matrices/edge.yaml": MATRIX, f"drills/{name}.yaml": text,
    }  # fmt: skip
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder / "drills" / f"{name}.yaml"
