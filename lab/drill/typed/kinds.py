"""What a command is for, as far as its words say: to look, to change something, or neither."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from lab.record.debrief import Purpose

_SEPARATORS = frozenset("();<>|&")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_LOOKS = frozenset((
    "tcpdump", "tshark", "ping", "ping6", "fping", "arping", "traceroute", "traceroute6", "tracepath", "mtr", "ss",
    "netstat", "lsof", "dmesg", "journalctl", "nc", "ncat", "netcat", "nmap", "curl", "wget", "telnet", "dig", "host",
    "nslookup", "nping", "hping3", "ethtool", "iptables-save", "ip6tables-save", "iptables-legacy-save",
    "ip6tables-legacy-save", "iptables-nft-save", "ip6tables-nft-save", "ebtables-save", "arp", "ifstat", "nstat",
    "conntrackd", "cat", "less", "more", "head", "tail", "grep", "zgrep", "diff", "cmp", "find", "ls", "stat", "ps",
    "top", "htop", "uptime", "date", "hostname", "pgrep", "xtables-monitor", "watch", "openssl", "ftp", "lftp", "tftp",
    "getent", "iperf", "iperf3", "socat",
))  # fmt: skip
_CHANGES = frozenset((
    "iptables-restore", "ip6tables-restore", "iptables-legacy-restore", "ip6tables-legacy-restore",
    "iptables-nft-restore", "ip6tables-nft-restore", "reboot", "shutdown", "poweroff", "halt", "kill", "pkill", "killall",
    "rm", "mv", "cp", "tee", "modprobe", "rmmod", "brctl", "vi", "vim", "nano", "ed", "service", "systemctl",
    "iptables-apply", "netfilter-persistent", "ufw", "firewall-cmd", "ifup", "ifdown", "dhclient",
))  # fmt: skip
_IPTABLES = frozenset(
    f"{tool}{backend}" for tool in ("iptables", "ip6tables", "ebtables", "arptables") for backend in ("", "-legacy", "-nft")
)
_IPTABLES_CHANGES = (
    "--append", "--insert", "--delete", "--replace", "--flush", "--zero", "--new-chain", "--delete-chain", "--policy",
    "--rename-chain",
)  # fmt: skip
_IP_SHOWS = ("show", "list", "lst", "ls", "get", "monitor", "save")
_FILE_WRITES = re.compile(r">>?\s*(?!/dev/null|&)\S")


def purpose_of(line: str) -> Purpose:
    """What a command line is for: a change where any part of it changes something, a look where any looks."""
    found = {_of_words(words) for words in _parts(line)}
    if Purpose.CHANGE in found or (_FILE_WRITES.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", line)) and "/etc/" in line):
        return Purpose.CHANGE
    return Purpose.LOOK if Purpose.LOOK in found else Purpose.OTHER


def _parts(line: str) -> Iterator[list[str]]:
    """The simple commands of a line, without what is set and who runs them."""
    words: list[str] = []
    for word in (*_split(line), ";"):
        if word and _SEPARATORS.issuperset(word):
            if word[0] in "<>":
                continue
            if stripped := _bare(words):
                yield stripped
            words = []
        else:
            words.append(word)


def _split(line: str) -> list[str]:
    try:
        lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        return list(lexer)
    except ValueError:  # a quotation that does not end
        return line.split()


def _bare(words: Sequence[str]) -> list[str]:
    rest = list(words)
    while rest:
        if _ASSIGNMENT.match(rest[0]) or rest[0] in ("do", "then", "else", "while", "until", "if", "!", "{", "time"):
            del rest[0]
        elif rest[0] in ("sudo", "exec", "command", "nohup", "env", "doas"):
            del rest[0]
            while rest and rest[0].startswith("-"):
                del rest[0]
        elif rest[0] in ("timeout", "nice", "stdbuf"):
            del rest[0]
            while rest and (rest[0].startswith("-") or rest[0][0].isdigit()):
                del rest[0]
        elif rest[:3] == ["ip", "netns", "exec"]:
            del rest[:4]
        else:
            break
    return rest


def _of_words(words: Sequence[str]) -> Purpose:
    name, rest = PurePosixPath(words[0]).name, words[1:]
    if name in ("sh", "bash", "dash") and "-c" in rest[:-1]:
        return purpose_of(rest[rest.index("-c") + 1])
    if name == "xargs" and rest:
        return _of_words(rest)
    if name in _IPTABLES:
        return _iptables(rest)
    if name in _BY_NAME:
        return _BY_NAME[name](rest)
    if name in _CHANGES:
        return Purpose.CHANGE
    return Purpose.LOOK if name in _LOOKS else Purpose.OTHER


def _iptables(rest: Sequence[str]) -> Purpose:
    """An operation that changes is written with a capital letter, as is one that looks (iptables(8))."""
    for word in rest:
        if word in _IPTABLES_CHANGES or re.match(r"-[A-Za-z]*[AIDRFZNXPE]", word):
            return Purpose.CHANGE
    return Purpose.LOOK


def _ip(rest: Sequence[str]) -> Purpose:
    words = [word for word in rest if not word.startswith("-")]
    verb = words[1] if len(words) > 1 else "show"
    if words[:1] == ["netns"] or any(shown.startswith(verb) for shown in _IP_SHOWS) or verb in ("dev", "table", "to"):
        return Purpose.LOOK
    return Purpose.CHANGE


_NFT_CHANGES = ("-f", "--file", "add", "insert", "delete", "flush", "replace", "create", "reset", "destroy")


def _nft(rest: Sequence[str]) -> Purpose:
    words = " ".join(rest).replace(";", " ").split()
    if any(
        word in ("-f", "--file", "add", "insert", "delete", "flush", "replace", "create", "reset", "destroy") for word in words
    ):
        return Purpose.CHANGE
    return Purpose.LOOK


def _sysctl(rest: Sequence[str]) -> Purpose:
    writes = any(word in ("-w", "--write", "-p", "--load", "--system") or "=" in word for word in rest)
    return Purpose.CHANGE if writes else Purpose.LOOK


def _conntrack(rest: Sequence[str]) -> Purpose:
    changes = any(re.match(r"-[A-Za-z]*[DIUFR]\b", word) or word in ("--delete", "--flush", "--create") for word in rest)
    return Purpose.CHANGE if changes else Purpose.LOOK


def _ipset(rest: Sequence[str]) -> Purpose:
    looks = ("list", "save", "test", "-L", "-S", "-T", "-n", "-t", "version", "help")
    return Purpose.LOOK if not rest or rest[0] in looks else Purpose.CHANGE


def _tc(rest: Sequence[str]) -> Purpose:
    return Purpose.CHANGE if any(word in ("add", "del", "delete", "replace", "change") for word in rest) else Purpose.LOOK


def _sed(rest: Sequence[str]) -> Purpose:
    return Purpose.CHANGE if any(word.startswith(("-i", "--in-place")) for word in rest) else Purpose.LOOK


def _route(rest: Sequence[str]) -> Purpose:
    return Purpose.CHANGE if any(word in ("add", "del") for word in rest) else Purpose.LOOK


_BY_NAME: Mapping[str, Callable[[Sequence[str]], Purpose]] = {
    "ip": _ip, "nft": _nft, "sysctl": _sysctl, "conntrack": _conntrack, "ipset": _ipset, "tc": _tc, "sed": _sed,
    "route": _route,
    "ifconfig": lambda rest: Purpose.CHANGE if len(rest) > 1 else Purpose.LOOK,
    "echo": lambda _: Purpose.OTHER,
}  # fmt: skip
