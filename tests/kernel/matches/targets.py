"""Targets: what they do to a packet is asked for by a rule behind, or their rule alone is met where nothing shows it."""

from __future__ import annotations

from tests.kernel.matches.case import Case, Probe
from tests.kernel.matches.packets import packet

UDP, TCP = Probe("udp/443"), Probe("tcp/443")
SYN_ECE = "TCP(dport={}, flags='SEC')"


def _done(name: str, does: str, seen: str, nft_before: str = "", nft: str = "", table: str = "mangle", **more: object) -> Case:
    """A target in PREROUTING for UDP, and what a rule in FORWARD sees of it."""
    before = {table: (f"-A PREROUTING -p udp -j {does}",)}
    return Case(name, f"-A FORWARD {seen}", UDP, TCP, before=before, nft_before=nft_before, nft=nft, target=True, **more)  # type: ignore[arg-type]


def _only_met(name: str, does: str, table: str = "filter", chain: str = "FORWARD", nft: str = "") -> Case:
    return Case(name, f"-A {chain} -p udp", UDP, TCP, table=table, does=does, target=True, nft=nft)


DONE = (
    _done("MARK", "MARK --set-mark 7", "-m mark --mark 7", "meta l4proto udp meta mark set 7", "meta mark 7"),
    _done("CONNMARK", "CONNMARK --set-mark 9", "-m connmark --mark 9", "meta l4proto udp ct mark set 9", "ct mark 9"),
    _done("HMARK", "HMARK --hmark-tuple src,dst --hmark-mod 8 --hmark-offset 100 --hmark-rnd 1", "-m mark ! --mark 0",
          "meta l4proto udp meta mark set jhash ip saddr mod 8 offset 100", "meta mark != 0"),
    _done("DSCP", "DSCP --set-dscp 46", "-m dscp --dscp 46", "meta l4proto udp ip dscp set ef", "ip dscp ef"),
    _done("TOS", "TOS --set-tos 0x10", "-m tos --tos 0x10"),
    _done("TTL", "TTL --ttl-set 9", "-m ttl --ttl-lt 10", "meta l4proto udp ip ttl set 9", "ip ttl < 10"),
    _done("CT", "CT --notrack", "-m conntrack --ctstate UNTRACKED", table="raw", nft="meta l4proto udp ct state untracked",
          nft_before="meta l4proto udp notrack"),
    _done("NOTRACK", "NOTRACK", "-m conntrack --ctstate UNTRACKED", table="raw"),
    _done("DNAT", "DNAT --to-destination 10.0.2.10:444", "-p udp --dport 444 -m conntrack --ctstate DNAT", table="nat",
          nft_before="udp dport 443 dnat to 10.0.2.10:444", nft="udp dport 444 ct status dnat"),
    _done("SET", "SET --add-set seen src", "-p udp -m set --match-set seen src", ipset="create seen hash:ip\n"),
    Case("REDIRECT", "-A INPUT -m conntrack --ctstate DNAT", UDP, TCP, target=True, nft="ct status dnat",
         before={"nat": ("-A PREROUTING -p udp -j REDIRECT",)}, nft_before="udp dport 443 redirect"),
    Case("NETMAP", "-A FORWARD -d 10.0.2.10 -m conntrack --ctorigdst 10.7.0.10", Probe(target="10.7.0.10"), UDP, target=True,
         before={"nat": ("-A PREROUTING -d 10.7.0.0/24 -j NETMAP --to 10.0.2.0/24",)},
         nft="ip daddr 10.0.2.10 ct original ip daddr 10.7.0.10",
         nft_before="ip daddr 10.7.0.0/24 dnat ip prefix to ip daddr map { 10.7.0.0/24 : 10.0.2.0/24 }"),
    Case("SNAT", "-A FORWARD -m conntrack --ctstate SNAT --ctdir REPLY", UDP, TCP, target=True,
         before={"nat": ("-A POSTROUTING -p udp -j SNAT --to-source 10.0.2.1",)}),
    Case("MASQUERADE", "-A FORWARD -m conntrack --ctstate SNAT --ctdir REPLY", UDP, TCP, target=True,
         before={"nat": ("-A POSTROUTING -p udp -j MASQUERADE",)}),
    Case("TCPMSS", "-A FORWARD -p tcp -m tcpmss --mss 1000", TCP, Probe("tcp/444"), target=True,
         before={"mangle": ("-A PREROUTING -p tcp --dport 443 --syn -j TCPMSS --set-mss 1000",)},
         nft="tcp option maxseg size 1000", nft_before="tcp dport 443 tcp flags syn tcp option maxseg size set 1000"),
    Case("TCPOPTSTRIP", "-A FORWARD -p tcp --syn ! --tcp-option 4", TCP, Probe("tcp/444"), target=True,
         before={"mangle": ("-A PREROUTING -p tcp --dport 443 -j TCPOPTSTRIP --strip-options sack-permitted",)},
         nft="tcp flags syn tcp option sack-perm missing", nft_before="tcp dport 443 reset tcp option sack-perm"),
    Case("ECN", "-A FORWARD -p tcp --syn -m ecn ! --ecn-tcp-ece", packet(SYN_ECE.format(443)), packet(SYN_ECE.format(444)),
         before={"mangle": ("-A PREROUTING -p tcp --dport 443 -j ECN --ecn-tcp-remove",)}, target=True),
    Case("DNPT", "-A FORWARD -p udp -d 2001:db8:2::/64", Probe(target="2001:db8:7::1"),
         Probe("tcp/443", "server", "client"), family=6,
         before={"mangle": ("-A PREROUTING -d 2001:db8:7::/64 -j DNPT --src-pfx 2001:db8:7::/64 --dst-pfx 2001:db8:2::/64",)},
         target=True),
    Case("SNPT", "-A POSTROUTING -s 2001:db8:9::/64", UDP, TCP, family=6, table="mangle", target=True,
         before={"mangle": ("-A POSTROUTING -p udp -j SNPT --src-pfx 2001:db8:1::/64 --dst-pfx 2001:db8:9::/64",)}),
    Case("HL", "-A FORWARD -m hl --hl-lt 10", UDP, TCP, family=6, target=True, nft="ip6 hoplimit < 10",
         before={"mangle": ("-A PREROUTING -p udp -j HL --hl-set 9",)}, nft_before="meta l4proto udp ip6 hoplimit set 9"),
)  # fmt: skip
ONLY_MET = (
    _only_met("AUDIT", "AUDIT --type accept", nft="meta l4proto udp log level audit"),
    _only_met("CHECKSUM", "CHECKSUM --checksum-fill", "mangle", "POSTROUTING"),
    _only_met("CLASSIFY", "CLASSIFY --set-class 1:7", "mangle", "POSTROUTING", "meta l4proto udp meta priority set 1:7"),
    _only_met("CONNSECMARK", "CONNSECMARK --save", "mangle"),
    _only_met("IDLETIMER", "IDLETIMER --timeout 9 --label lab"),
    _only_met("RATEEST", "RATEEST --rateest-name lab --rateest-interval 250ms --rateest-ewmalog 500ms"),
    _only_met("TRACE", "TRACE", "raw", "PREROUTING"),
)
