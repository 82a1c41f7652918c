"""What a rule logs, and where to, as its text says it: LOG and NFLOG of iptables, `log` of nft.

What neither says is what the kernel takes then: level 4 (xt_LOG.c, nft_log.c), group 0 (xt_NFLOG.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.path import Log
from lab.ruleset.held import HeldRule
from lab.ruleset.words import FREE_TEXT, words
from lab.written.levels import LEVELS, level_of

_DEFAULT_LEVEL = LEVELS[4]
_WORDS = re.compile(r'"[^"]*"|\S+')
_LED_TO = ("jump", "goto")  # a chain may be called log
_OF_LOG = frozenset(("prefix", "level", "group", "snaplen", "queue-threshold", "flags"))


def log_of(rule: HeldRule) -> Log | None:
    """What a rule logs with; None for one that does not.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> log_of(rule_in_line("v4", '-A INPUT -j LOG --log-prefix "in " --log-level 6'))
    Log(prefix='in ', level='info', group=None, size=None)
    >>> log_of(rule_in_line("v4", "-A INPUT -j NFLOG --nflog-group 5 --nflog-size 64"))
    Log(prefix='', level=None, group=5, size=64)
    """
    if rule.is_native:
        return _log_of_nft(rule.text) if "log" in rule.text else None
    if rule.target not in ("LOG", "NFLOG"):
        return None
    told = dict(_options(rule.text))
    if rule.target == "LOG":
        level = told.get("--log-level")
        return Log(rule.log_prefix or "", _DEFAULT_LEVEL if level is None else _level(level), None)
    return Log(rule.log_prefix or "", None, _number(told.get("--nflog-group"), 0), _number(told.get("--nflog-size"), None))


def _options(text: str) -> Iterator[tuple[str, str]]:
    rest = iter(words(text))
    for word in rest:
        if word in FREE_TEXT or word.startswith(("--log-", "--nflog-")):
            option, equals, value = word.partition("=")
            yield option, value if equals else next(rest, "")


def _log_of_nft(text: str) -> Log | None:
    """Of several statements the first."""
    told: list[str] = _WORDS.findall(text)
    before = ("", *told)
    place = next((at for at, word in enumerate(told) if word == "log" and before[at] not in _LED_TO), None)
    if place is None:
        return None
    rest = iter(told[place + 1 :])
    options = {}
    for word in rest:
        if word not in _OF_LOG:
            break
        options[word] = next(rest, "")
    prefix = options.get("prefix", "").strip('"')
    if "group" in options:
        return Log(prefix, None, _number(options["group"], 0), _number(options.get("snaplen"), None))
    return Log(prefix, _level(options.get("level", _DEFAULT_LEVEL)), None)


def _level(word: str) -> str:
    return level_of(word) or word


def _number(word: str | None, default: int | None) -> int | None:
    return int(word) if word is not None and word.isdecimal() and len(word) < 12 else default
