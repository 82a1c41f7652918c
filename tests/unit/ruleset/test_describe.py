"""What a rule's text says of it."""

from __future__ import annotations

import hashlib

import pytest

from lab.ruleset.describe import described
from lab.ruleset.digest import digest
from lab.written.reject import canonical_reject
from tests.unit.ruleset.made import rule_of


@pytest.mark.parametrize(("options", "expected"), [
    ("-m conntrack --ctstate INVALID -j DROP", True),
    ("-m state --state INVALID -j DROP", True),
    ("-m conntrack --ctstate INVALID,UNTRACKED -j DROP", True),
    ("-m rpfilter --invert -j DROP", True),
    ("-m conntrack --ctstate INVALID,NEW -j DROP", False),
    ("-m conntrack ! --ctstate INVALID -j ACCEPT", False),
    ("-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP", False),
    ("-m conntrack --ctstate NEW -j DROP", False),
    ('-m comment --comment "--ctstate INVALID" -j DROP', False),
    ("-m comment --comment rpfilter -j DROP", False),
    ("-j DROP", False),
])
def test_invalid_or_rpfilter(options: str, expected: bool) -> None:
    assert rule_of(f"-A FORWARD {options}").about_invalid is expected


@pytest.mark.parametrize(("options", "prefix"), [
    ('-j LOG --log-prefix "edge-drop "', "edge-drop "),
    ("-j NFLOG --nflog-prefix x", "x"),
    ("-m comment --comment --log-prefix -j LOG", None),
    ("-j DROP", None),
])
def test_log_prefix(options: str, prefix: str | None) -> None:
    assert described("gateway", rule_of(f"-A FORWARD {options}")).log_prefix == prefix


@pytest.mark.parametrize(("options", "family", "kind"), [
    ("-j REJECT", 4, "icmp-port-unreachable"),
    ("-j REJECT", 6, "icmp6-port-unreachable"),
    ("-j REJECT --reject-with icmp-host-prohibited", 4, "icmp-host-prohibited"),
    ("-j REJECT --reject-with admin-prohib", 4, "icmp-admin-prohibited"),
    ("-j REJECT --reject-with adm-prohibited", 6, "icmp6-adm-prohibited"),
    ("-p tcp -j REJECT --reject-with tcp-rst", 4, "tcp-reset"),
    ("-j DROP", 4, None),
])
def test_reject_kind(options: str, family: int, kind: str | None) -> None:
    assert rule_of(f"-A FORWARD {options}").reject_kind(family) == kind


def test_a_canonical_name_stays() -> None:
    assert canonical_reject("icmp6-no-route", family=6) == "icmp6-no-route"


def test_digest_is_that_of_the_bytes() -> None:
    assert digest("é\n") == hashlib.sha256("é\n".encode()).hexdigest()
