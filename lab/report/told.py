"""What is told of a lab that is up, as people read it: a line a packet, the offenders, and the line that a kernel would log."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from lab.record.packet import ICMPS, PROTOCOL_NAMES
from lab.record.path import Rule
from lab.record.told import LoggedBy, Missed, News, RulesChanged, Told
from lab.report.plain import plain

_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_SHOWN_FLAGS = ("CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN")  # the order of nf_log_syslog.c
_FORWARDED = ("forward", "postrouting")
_OFFENDERS = 20


def news_line(news: News, *, node: bool = True) -> str:
    """One line: ``14:02:11.482 gateway  udp 10.0.1.10:4711 > 10.0.2.10:99  dropped by filter:FORWARD:2 "deny" …``.

    Without ``node`` it is left out, where all are of one.
    """
    at = datetime.fromtimestamp(news.at).strftime("%H:%M:%S.%f")[:-3]
    where = f"{news.node}  " if node else ""
    match news:
        case Told():
            return plain(f"{at} {where}{_packet(news)}  {_came_to(news)}{_logged(news.logged)}")
        case Missed():
            return plain(f"{at} {where}too many packets at once: up to {news.messages or 'some'} were not told")
        case RulesChanged():
            trouble = f"; they cannot be named: {news.trouble}" if news.trouble else ""
            return plain(f"{at} {where}the rules were changed{trouble}")


def _packet(told: Told) -> str:
    packet = told.path.entry
    flags = "" if packet.proto != 6 else " " + ",".join(_flags(packet.flags, _FLAGS)).lower()
    return f"{packet}{flags}"


def _flags(byte: int, order: Iterable[str]) -> list[str]:
    return [name for name in order if byte >> _FLAGS.index(name) & 1]


def _came_to(told: Told) -> str:
    by = f" by {_rule(told.rule)}" if told.rule is not None else ""
    return f"{told.fate}{by}"


def _rule(rule: Rule) -> str:
    comment = f' "{rule.comment}"' if rule.comment else ""
    return f"{rule.place}{comment}" + (f" [{rule.origin}]" if rule.origin else "")


def _logged(logged: Iterable[LoggedBy]) -> str:
    return "".join(f'  logged "{one.prefix.rstrip()}" by {_rule(one.rule)}' for one in logged)


class Offenders:
    """What was denied, counted by source, service and rule."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str, str]] = Counter()

    def take(self, told: Told) -> None:
        """One packet more; one that was not denied is none."""
        if told.denied:
            packet = told.path.entry
            name = PROTOCOL_NAMES.get(packet.proto, f"proto {packet.proto}")
            port = packet.flags if packet.proto in ICMPS else packet.dport
            service = name if port is None else f"{name}/{port}"
            self.counts[packet.source, service, told.node, "" if told.rule is None else _rule(told.rule)] += 1

    def lines(self) -> list[str]:
        """The most first, and what the others come to."""
        most = self.counts.most_common(_OFFENDERS)
        rows = [("PACKETS", "FROM", "SERVICE", "AT", "DENIED BY"), *((f"{count:,}", *key) for key, count in most)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            plain("  ".join([row[0].rjust(widths[0]), *(row[at].ljust(widths[at]) for at in (1, 2, 3)), row[4]]).rstrip())
            for row in rows
        ]
        left = len(self.counts) - len(most)
        rest = self.counts.total() - sum(count for _, count in most)
        return [*lines, f"and {rest:,} of {left:,} more"] if left else lines


def kernel_line(logged: LoggedBy, raw: tuple[bytes, bytes], seconds: float) -> str:
    """What a kernel would write into its log, as nf_log_syslog.c has it but for MAC addresses and options.

    ``raw`` are the headers as the packet came in, ``seconds`` the kernel's clock.
    """
    network, transport = raw
    packet = logged.packet
    words = [f"IN={logged.entered or ''}", f"OUT={logged.toward or ''}", f"SRC={_address(packet.source)}"]
    words.append(f"DST={_address(packet.destination)}")
    hops = 1 if logged.entered and logged.hook in _FORWARDED else 0
    if packet.family == 4:
        words += [f"LEN={int.from_bytes(network[2:4], 'big')}", f"TOS=0x{network[1] & 0x1E:02X}"]
        words += [f"PREC=0x{network[1] & 0xE0:02X}", f"TTL={network[8] - hops}", f"ID={int.from_bytes(network[4:6], 'big')}"]
        words += ["DF"] if network[6] & 0x40 else []
    else:
        head = int.from_bytes(network[:4], "big")
        words += [f"LEN={int.from_bytes(network[4:6], 'big') + 40}", f"TC={head >> 20 & 0xFF}"]
        words += [f"HOPLIMIT={network[7] - hops}", f"FLOWLBL={head & 0xFFFFF}"]
    words += _transport(logged, transport)
    words += [f"MARK=0x{logged.mark:x}"] if logged.mark else []
    return plain(f"[{seconds:12.6f}] {logged.prefix}{' '.join(words)}")


def _transport(logged: LoggedBy, transport: bytes) -> list[str]:
    packet = logged.packet
    name = {58: "ICMPv6"}.get(packet.proto, PROTOCOL_NAMES.get(packet.proto, str(packet.proto)).upper())
    words = [f"PROTO={name}"]
    if packet.proto in ICMPS:
        words += [f"TYPE={packet.flags}", f"CODE={packet.code}"]
        return words + ([f"ID={packet.sport}", f"SEQ={packet.dport}"] if packet.flags in (0, 8, 128, 129) else [])
    if packet.sport is None:
        return words
    words += [f"SPT={packet.sport}", f"DPT={packet.dport}"]
    if packet.proto == 6 and len(transport) >= 16:
        words += [f"WINDOW={int.from_bytes(transport[14:16], 'big')}", "RES=0x00", *_flags(packet.flags, _SHOWN_FLAGS)]
        words.append(f"URGP={int.from_bytes(transport[18:20], 'big') if len(transport) >= 20 else 0}")
    elif len(transport) >= 6:
        words.append(f"LEN={int.from_bytes(transport[4:6], 'big')}")
    return words


def _address(text: str) -> str:
    return ipaddress.ip_address(text).exploded
