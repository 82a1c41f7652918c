"""A small drill in a project of its own."""

from __future__ import annotations

DRILL = """\
drill: web-gone
about: Somebody outside complains.
level: 1
seeds: [1]
topology: small
policies: {gateway: small-gateway}
page: The web server is not reached.
faults: [{remove-rule: {node: gateway, comment: publish-web}}]
symptom: [{name: nobody comes in, from: world, to: web-vip, service: tcp/443, expect: drop}]
check: [{name: they come in again, from: world, to: web-vip, service: tcp/443, expect: allow}]
kept:
  - {name: no shell, from: world, to: web-vip, service: tcp/22, expect: {reject: tcp-reset}}
  - {name: nothing else, from: world, to: web, service: "tcp/80,8443", expect: drop}
contain: [{name: the server is there, from: world, to: web-vip, service: tcp/443, expect: allow}]
answer: {place: gateway filter:FORWARD, kind: missing-accept}
hints: [Look behind PREROUTING.]
injects: [{or-when: first-answer, text: The director calls., expected: a time, if-not: hint}]
fix: [iptables -A FORWARD -d 10.0.2.10 -p tcp --dport 8443 -m conntrack --ctstate DNAT -j ACCEPT]
wrong: [{about: the server is open from everywhere, type: iptables -A FORWARD -d 10.0.2.10 -j ACCEPT}]
debrief: {class: policy, cause: The permission went.}
"""
