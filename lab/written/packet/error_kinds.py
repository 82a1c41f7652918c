"""The ICMP errors that a step can send, by iptables' words for them: type and code in each family (RFC 792, RFC 4443)."""

from __future__ import annotations

from collections.abc import Mapping

ERROR_KINDS: Mapping[str, Mapping[int, tuple[int, int]]] = {
    "frag-needed": {4: (3, 4), 6: (2, 0)},
    "packet-too-big": {4: (3, 4), 6: (2, 0)},
    "net-unreachable": {4: (3, 0), 6: (1, 0)},
    "host-unreachable": {4: (3, 1), 6: (1, 3)},
    "proto-unreachable": {4: (3, 2), 6: (4, 1)},
    "port-unreachable": {4: (3, 3), 6: (1, 4)},
    "admin-prohibited": {4: (3, 13), 6: (1, 1)},
    "time-exceeded": {4: (11, 0), 6: (3, 0)},
    "parameter-problem": {4: (12, 0), 6: (4, 0)},
}
TOO_BIG = ("frag-needed", "packet-too-big")
LEAST_MTU = {4: 68, 6: 1280}  # RFC 791, RFC 8200
