"""What a rule's text says of the rule, for the verdict: read, never interpreted."""

from __future__ import annotations

from lab.ruleset.rule import SavedRule
from lab.ruleset.words import words

_LOG_PREFIXES = ("--log-prefix", "--nflog-prefix", "--ulog-prefix")
_STATES = ("--ctstate", "--state")

_REJECT_KINDS_4 = {
    "net-unreach": "icmp-net-unreachable", "host-unreach": "icmp-host-unreachable",
    "proto-unreach": "icmp-proto-unreachable", "port-unreach": "icmp-port-unreachable",
    "net-prohib": "icmp-net-prohibited", "host-prohib": "icmp-host-prohibited",
    "admin-prohib": "icmp-admin-prohibited", "tcp-rst": "tcp-reset",
}
_REJECT_KINDS_6 = {
    "no-route": "icmp6-no-route", "adm-prohibited": "icmp6-adm-prohibited", "addr-unreach": "icmp6-addr-unreachable",
    "port-unreach": "icmp6-port-unreachable", "policy-fail": "icmp6-policy-fail",
    "reject-route": "icmp6-reject-route", "tcp-rst": "tcp-reset",
}


def _value_after(rule_text: str, options: tuple[str, ...]) -> str | None:
    found = words(rule_text)
    for place, word in enumerate(found[:-1]):
        if word in options and (place == 0 or found[place - 1] not in ("--comment", *_LOG_PREFIXES)):
            return found[place + 1]
    return None


def is_invalid_or_rpfilter(rule_text: str) -> bool:
    """Whether the rule is about packets of state INVALID, or of a source on the wrong interface (`rpfilter`).

    A rule that also names the state NEW is about more than that, and one that negates its states does not name them.
    """
    found = words(rule_text)
    for place, word in enumerate(found[:-1]):
        before = found[place - 1] if place else ""
        if before in ("--comment", *_LOG_PREFIXES):
            continue
        if word in ("-m", "--match") and found[place + 1] == "rpfilter":
            return True
        if word in _STATES and before != "!":
            states = found[place + 1].upper().split(",")
            if "INVALID" in states and "NEW" not in states:
                return True
    return False


def log_prefix_of(rule_text: str) -> str | None:
    """The prefix that a LOG, NFLOG or ULOG rule writes; None where it has none."""
    return _value_after(rule_text, _LOG_PREFIXES)


def canonical_reject(kind: str, *, family: int = 4) -> str:
    """A kind of rejection by the name that iptables-save prints, whichever alias it was written by."""
    return (_REJECT_KINDS_6 if family == 6 else _REJECT_KINDS_4).get(kind, kind)


def reject_kind(rule: SavedRule, *, family: int = 4) -> str | None:
    """What a REJECT rule sends (``icmp-port-unreachable``, ``tcp-reset``, …); None for a rule that does not reject."""
    if rule.target != "REJECT":
        return None
    return canonical_reject(rule.reject_with or "port-unreach", family=family)
