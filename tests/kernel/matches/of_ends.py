"""Matches that ask where a packet comes from, where it goes, who sent it, what is known of its flow, or what the time is."""

from __future__ import annotations

from tests.kernel.matches.case import CLIENT_MAC, Case, Probe
from tests.kernel.matches.packets import packet

UDP, TCP, ECHO = Probe("udp/443"), Probe("tcp/443"), Probe("icmp/echo-request")
BACK = Probe("udp/443", "server", "client")
BRIDGE = {
    "topology": "matched", "networks": {"lan": "10.8.0.0/24"},
    "nodes": {
        "gateway": {"role": "gateway", "interfaces": {
            "br0": {"network": "lan", "address": "10.8.0.2", "bridge": ["tap1", "tap2"], "bridge-nf": True},
        }},
        "client": {"role": "client", "interfaces": {"lan": "10.8.0.21"}},
        "server": {"role": "backend", "interfaces": {"lan": "10.8.0.22"}},
    },
}  # fmt: skip
MARKED = {"mangle": ("-A PREROUTING -p udp -j CONNMARK --set-mark 7",)}
ENDS = (
    Case("addrtype", "-A PREROUTING -m addrtype --dst-type LOCAL", Probe("udp/443", target="gateway@left"), UDP, table="raw",
         nft="fib daddr type local"),
    Case("mac", f"-A FORWARD -p udp --dport 443 -m mac --mac-source {CLIENT_MAC}", UDP, BACK,
         nft=f"udp dport 443 ether saddr {CLIENT_MAC}"),
    Case("mark", "-A OUTPUT -m mark --mark 7", Probe("udp/443", "gateway", keys={"mark": 7}), Probe("udp/443", "gateway"),
         nft="meta mark 7"),
    Case("owner", "-A OUTPUT -m owner --uid-owner 1000", Probe("udp/443", "gateway", keys={"uid": 1000}),
         Probe("udp/443", "gateway"), nft="meta skuid 1000", root=True),
    Case("physdev", "-A FORWARD -p udp --dport 443 -m physdev --physdev-in tap1", UDP, BACK, topology=BRIDGE, legacy=False),
    Case("pkttype", "-A FORWARD -m pkttype --pkt-type unicast", UDP, UDP, nft="meta pkttype unicast"),
    Case("devgroup", "-A FORWARD -m devgroup --src-group 0", UDP, UDP, nft="iifgroup 0"),
    Case("cpu", "-A FORWARD -m cpu ! --cpu 4095", UDP, UDP, nft="meta cpu != 4095"),
    Case("policy", "-A FORWARD -m policy --dir in --pol none", UDP, UDP, nft="meta ipsec missing"),
    Case("realm", "-A FORWARD -m realm --realm 7", Probe("udp/443", target="192.0.2.7"), UDP, nft="rt classid 7",
         nodes={"gateway": {"routes": ["192.0.2.0/24 via 10.0.2.10 realm 7"]}}),
    Case("rpfilter", "-A PREROUTING -m rpfilter --invert", Probe(keys={"source": "10.0.2.77"}), UDP, table="raw",
         nft="fib saddr . iif oif missing"),
    Case("set", "-A FORWARD -p udp --dport 443 -m set --match-set who src", UDP, BACK,
         ipset="create who hash:ip\nadd who 10.0.1.10\n",
         nft="udp dport 443 ip saddr { 10.0.1.10, 10.0.1.11 }"),
    Case("socket", "-A PREROUTING -p tcp -m socket", Probe("tcp/22", target="gateway@left"),
         packet("IP(dst='10.0.1.1')/TCP(dport=23)"),
         table="mangle", nodes={"gateway": {"services": ["tcp/22"]}}, nft="socket wildcard 0"),
    Case("state", "-A FORWARD -m state --state NEW", TCP, packet("TCP(dport=443, flags='FPU')"), nft="ct state new"),
    Case("conntrack", "-A FORWARD -m conntrack --ctstate INVALID", packet("TCP(dport=443, flags='FPU')"), TCP,
         nft="ct state invalid"),
    Case("connmark", "-A FORWARD -m connmark --mark 7", UDP, TCP, before=MARKED, nft="ct mark 7",
         nft_before="meta l4proto udp ct mark set 7"),
    Case("connlabel", "-A FORWARD -m connlabel --label 5", UDP, TCP,
         before={"mangle": ("-A PREROUTING -p udp -m connlabel --label 5 --set",)}),
    Case("connbytes", "-A FORWARD -m connbytes --connbytes 2: --connbytes-dir original --connbytes-mode packets", TCP,
         packet("UDP(dport=443)"), nft="ct original packets >= 2",
         nodes={"gateway": {"sysctls": {"net.netfilter.nf_conntrack_acct": 1}}}),
    Case("statistic", "-A FORWARD -m statistic --mode random --probability 1", UDP, UDP, nft="numgen random mod 10 < 10"),
    Case("statistic", "-A FORWARD -p udp -m statistic --mode nth --every 1 --packet 0", UDP, TCP, variant="nth"),
    Case("time", "-A FORWARD -m time --datestart 2020-01-01T00:00:00", UDP, UDP, nft='meta time >= "2020-01-01 00:00:00"'),
    Case("cluster", "-A FORWARD -m cluster --cluster-total-nodes 2 --cluster-local-node 2 --cluster-hash-seed 0xdeadbeef",
         Probe(keys={"source": "10.0.1.10"}), Probe(keys={"source": "10.0.1.12"}), nft=""),
)  # fmt: skip
OTHERWISE = {
    "pkttype": "-m pkttype --pkt-type broadcast", "devgroup": "-m devgroup --src-group 9", "cpu": "-m cpu --cpu 4095",
    "policy": "-m policy --dir in --pol ipsec", "time": "-m time --datestop 2020-01-01T00:00:00",
    "statistic": "-m statistic --mode random --probability 0",
}  # fmt: skip
"""What of a packet the lab cannot have otherwise, the rule asks otherwise: this in place of its own, and nothing meets it."""
