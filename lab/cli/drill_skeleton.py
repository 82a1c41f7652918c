"""What `lab drill new` writes: a drill that can be played as it is, to write over."""

from __future__ import annotations

_SKELETON = """\
# A drill: incidents are rehearsed on a lab that is broken on purpose. All keys: docs/drill-files.md
# This one can be played as it is. Write over it, then: lab check {file}, lab drill verify {name}
drill: {name}
about: Somebody outside complains about a service.      # whoever chooses a drill reads this: say nothing of the answer
level: 1                                                # 1 easy, 2, 3 hard
roles: [on-call]
minutes: 20
topology: office-nat                                    # of topologies/, or shipped
policies: {{gateway: office-nat-gateway}}                 # what the healthy lab holds
# Chosen by seed, the same for everybody who plays the seed; {{{{ NAME }}}} and {{{{ NAME.KEY }}}} put it into any text below.
vary:
  caller: [{{who: A customer, node: world}}, {{who: The partner, node: partner}}]
seeds: [1, 2, 3]                                        # which seeds are offered, and verified
page: "02:07. {{{{ caller.who }}}} cannot reach the file server from outside. In the office it works."

# What is done to the lab when the drill starts, one after the other.
faults:
  - remove-rule: {{node: gateway, comment: forward-files, family: 4}}

# Rows as in a matrix. The symptom is as it is while it is broken; the others are as they are to be.
symptom:
  - {{name: nobody reaches it, from: "{{{{ caller.node }}}}", to: office-address, service: tcp/8443, expect: deny, family: 4}}
check:
  - {{name: it is reached again, from: "{{{{ caller.node }}}}", to: office-address, service: tcp/8443, expect: allow,
     v4: {{arrives: {{at: files, port: 443}}}}}}
kept:
  - {{name: its other ports stay closed, from: world, to: files, service: "tcp/22,445", expect: deny}}
  - {{name: people surf, from: alice, to: world, service: tcp/443, expect: allow}}

# The cause: its place, and a kind of the list that all drills have in common. Several causes are a list.
answer: {{place: gateway filter:publish, kind: missing-accept, also: [gateway filter:FORWARD]}}
hints:
  - Does the first packet come in at all?
  - What does it look like behind PREROUTING, and which chain does it meet then?
# Told at a time, or when something happens, whichever is first.
injects:
  - {{at: 10m, or-when: first-answer, text: The director asks for a time., expected: "a time, and when they hear again",
     if-not: hint}}

# What mends it, as it is typed at the shell of the answer's node.
fix:
  - >-
    iptables -I publish 1 -d 10.3.1.30 -p tcp --dport 443 -m conntrack --ctstate DNAT
    -m comment --comment forward-files -j ACCEPT
# Mends that are none: each must fail. Accepting all, flushing, rebooting and the like need not be said.
wrong:
  - {{about: it opens every port of the server, type: iptables -I publish 1 -d 10.3.1.30 -j ACCEPT}}
steps:
  - "Try it from outside: does the packet come in at wan?"
  - "nat: is it translated, and to which address?"
  - "filter: which rule decides about the translated packet?"
debrief:
  class: policy                                         # policy, process, capacity or upstream
  cause: The permission went, the translation stayed.
  contained-by: The permission alone, for this port.
  long-term: Translation and permission are made and removed together.
  row: {{name: the file server is published, from: world, to: office-address, service: tcp/8443, expect: allow}}
  improvements:
    runbook: Ask for both rules of a published port.
    hygiene: One template for both.
    monitoring: Try the published port from outside.
"""


def skeleton(name: str, file: str) -> str:
    """The text of a new drill."""
    return _SKELETON.format(name=name, file=file)
