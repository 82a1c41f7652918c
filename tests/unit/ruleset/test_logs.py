"""What a rule logs with, as its text says it."""

from __future__ import annotations

import pytest

from lab.record.path import Log
from lab.ruleset.held import HeldRule
from lab.ruleset.held_text import rule_in_line
from lab.ruleset.logs import log_of


def of_iptables(text: str) -> Log | None:
    rule = rule_in_line("v4", text)
    assert rule is not None
    return log_of(rule)


@pytest.mark.parametrize(
    ("text", "log"),
    [
        ("-A INPUT -j LOG", Log("", "warn", None)),
        ('-A INPUT -j LOG --log-prefix "a b " --log-level 7 --log-uid', Log("a b ", "debug", None)),
        ("-A INPUT -j LOG --log-level error", Log("", "err", None)),
        ('-A INPUT -m comment --comment "--log-level 1" -j LOG', Log("", "warn", None)),
        ("-A INPUT -j NFLOG", Log("", None, 0)),
        ('-A INPUT -j NFLOG --nflog-prefix "--nflog-group 7" --nflog-group 9', Log("--nflog-group 7", None, 9)),
        ("-A INPUT -j NFLOG --nflog-size 64", Log("", None, 0, 64)),
        ("-A INPUT -j ULOG", None),
        ("-A INPUT -j ACCEPT", None),
    ],
)
def test_of_iptables(text: str, log: Log | None) -> None:
    assert of_iptables(text) == log


@pytest.mark.parametrize(
    ("text", "log"),
    [
        ("log", Log("", "warn", None)),
        ('tcp dport 22 log prefix "in: " level info flags all accept', Log("in: ", "info", None)),
        ("log level audit", Log("", "audit", None)),
        ('log prefix "x" group 5 queue-threshold 20 snaplen 64 drop', Log("x", None, 5, 64)),
        ('counter packets 0 bytes 0 log group 0 comment "log level debug"', Log("", None, 0)),
        ("jump log", None),
        ("goto log", None),
        ('comment "log" accept', None),
    ],
)
def test_of_nft(text: str, log: Log | None) -> None:
    assert log_of(HeldRule("inet", "t", "c", 1, text)) == log


def test_what_is_no_number_is_no_group() -> None:
    assert log_of(HeldRule("inet", "t", "c", 1, f"log group {'9' * 5000}")) == Log("", None, 0)
    assert of_iptables("-A INPUT -j NFLOG --nflog-group x") == Log("", None, 0)
