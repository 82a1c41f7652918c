"""What a rule's text says of the rule, for the verdict: read, never interpreted."""

from __future__ import annotations

from lab.record.path import Rule
from lab.ruleset.rule import SavedRule
from lab.ruleset.words import words

_MAY_BE_INVALID = frozenset({"state", "conntrack", "rpfilter"})
_TRANSLATIONS = {
    "DNAT": "destination", "REDIRECT": "destination", "SNAT": "source", "MASQUERADE": "source", "NETMAP": "destination",
    "DNPT": "destination", "SNPT": "source",
}
_LOG_PREFIXES = ("--log-prefix", "--nflog-prefix", "--ulog-prefix")
_STATES = ("--ctstate", "--state")

_REJECT_KINDS_4 = {
    "net-unreach": "icmp-net-unreachable", "host-unreach": "icmp-host-unreachable",
    "proto-unreach": "icmp-proto-unreachable", "port-unreach": "icmp-port-unreachable",
    "net-prohib": "icmp-net-prohibited", "host-prohib": "icmp-host-prohibited",
    "admin-prohib": "icmp-admin-prohibited", "tcp-rst": "tcp-reset",
    # nft's words for either family (RFC 1122, RFC 4443)
    "icmpx-port-unreachable": "icmp-port-unreachable", "icmpx-admin-prohibited": "icmp-admin-prohibited",
    "icmpx-host-unreachable": "icmp-host-unreachable", "icmpx-no-route": "icmp-net-unreachable",
}
_REJECT_KINDS_6 = {
    "no-route": "icmp6-no-route", "adm-prohibited": "icmp6-adm-prohibited", "addr-unreach": "icmp6-addr-unreachable",
    "port-unreach": "icmp6-port-unreachable", "policy-fail": "icmp6-policy-fail",
    "reject-route": "icmp6-reject-route", "tcp-rst": "tcp-reset",
    "icmpx-port-unreachable": "icmp6-port-unreachable", "icmpx-admin-prohibited": "icmp6-adm-prohibited",
    "icmpx-host-unreachable": "icmp6-addr-unreachable", "icmpx-no-route": "icmp6-no-route",
}


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


def is_about_invalid(rule: SavedRule) -> bool:
    """`is_invalid_or_rpfilter` of a rule whose matches are known: most rules need no second reading."""
    return not _MAY_BE_INVALID.isdisjoint(rule.matches) and is_invalid_or_rpfilter(rule.text)


def _translates(rule: SavedRule) -> str | None:
    return "source" if rule.target == "NETMAP" and rule.chain == "POSTROUTING" else _TRANSLATIONS.get(rule.target or "")


def described(node: str, family: str, rule: SavedRule, source: str | None) -> Rule:
    """The record of a rule of iptables; ``family`` is ``ip`` or ``ip6``, ``source`` its template's file and line."""
    return Rule(
        node, rule.table, rule.chain, rule.number, rule.text, rule.comment, rule.target, source, family,
        reject_kind(rule, family=6 if family == "ip6" else 4), rule.log_prefix, _translates(rule),
        is_about_invalid(rule),
    )  # fmt: skip


def canonical_reject(kind: str, *, family: int = 4) -> str:
    """A kind of rejection by the name that iptables-save prints, whichever alias it was written by."""
    return (_REJECT_KINDS_6 if family == 6 else _REJECT_KINDS_4).get(kind, kind)


def reject_kind(rule: SavedRule, *, family: int = 4) -> str | None:
    """What a REJECT rule sends (``icmp-port-unreachable``, ``tcp-reset``, …); None for a rule that does not reject."""
    if rule.target != "REJECT":
        return None
    return canonical_reject(rule.reject_with or "port-unreach", family=family)
