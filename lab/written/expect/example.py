"""One flow that the keys' examples speak of, made up: a client's SYN, translated and let through by a gateway.

::

    client 198.51.100.20 --wan-- 198.51.100.1 gateway 10.0.2.1 --dmz-- 10.0.2.10 web
                                                              |----- 10.0.2.99 sensor, which gets a copy
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.record.observation import Arrival, Conntrack, Copy, Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Log, Path, Rule, Step
from lab.record.routed import PassedOver, Routed
from lab.record.verdict import Kind, Verdict

_SYN = Packet(4, 6, "198.51.100.20", 40000, "198.51.100.1", 443, 0x02)
_TRANSLATED = _SYN._replace(destination="10.0.2.10", dport=8443)
_ANSWER = Packet(4, 6, "10.0.2.10", 8443, "198.51.100.20", 40000, 0x12)
_DNAT = Rule("gateway", "nat", "PREROUTING", 1, "", "dnat-web", "DNAT", translates="destination")
_TEE = Rule("gateway", "mangle", "POSTROUTING", 1, "", None, "TEE", copies=True)
_LOG = Rule("gateway", "filter", "FORWARD", 1, "", None, "LOG", log_prefix="web ", log=Log("web ", "warn", None))
_ACCEPT = Rule("gateway", "filter", "FORWARD", 2, "", "publish-web", "ACCEPT")
_STEPS = (
    Step("prerouting", "nat", "PREROUTING", _DNAT, "accept", "nat"),
    Step("forward", "filter", "FORWARD", _LOG, "continue"),
    Step("forward", "filter", "FORWARD", _ACCEPT, "accept"),
    Step("postrouting", "mangle", "POSTROUTING", _TEE, "continue", "mangle"),
)

PASSED = Verdict(
    Kind.ALLOWED,
    "request and answer arrived",
    Observation(
        _SYN,
        Milestone.ANSWERED,
        (Path("gateway", _SYN, _STEPS, End.LEFT, _TRANSLATED, "dmz", 2, marks=((1, 2),)),),
        arrived=Arrival("web", "10.0.2.10", 8443, "198.51.100.20", 40000),
        copies=(Copy("sensor", "dmz", _SYN),),
        conntrack=(Conntrack("gateway", "ESTABLISHED", ("SEEN_REPLY", "ASSURED"), 5, 432000, _SYN, _ANSWER),),
    ),
    rule=_ACCEPT,
    decided=(("gateway", _ACCEPT),),
    passed_node=True,
)
# the same SYN, where the gateway has a routing rule for its mark
ROUTED = replace(
    PASSED,
    observation=replace(
        PASSED.observation,
        request=(
            replace(
                PASSED.path[0], entered="wan",
                routed=Routed(
                    0x2, 1, 102, "102", "100: from all fwmark 0x2 lookup 102", "10.0.2.0/24 dev dmz",
                    others=(PassedOver("32766: from all lookup main", 254, "it comes later"),),
                ),
            ),
        ),
    ),
)  # fmt: skip
# the same SYN, where the gateway's own routes say that it cannot have come from there
REVERSE_PATH = Verdict(
    Kind.UNROUTED,
    "dropped outside the rules: IP_RPFILTER",
    Observation(_SYN, Milestone.SENT, (Path("gateway", _SYN, (), End.VANISHED),), reasons=("IP_RPFILTER",)),
    "SYN",
    "gateway",
)


@dataclass(frozen=True, slots=True)
class Example:
    """What a row may say after a key, in a row of this ``action`` whose flow came to this ``verdict``.

    ``tells`` is the sentence for what is otherwise; empty where it holds.
    """

    written: object
    tells: str = ""
    action: str = "allow"
    verdict: Verdict = PASSED
