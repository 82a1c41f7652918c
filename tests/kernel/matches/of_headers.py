"""Matches that ask what a packet's headers say."""

from __future__ import annotations

from tests.kernel.matches.case import Case, Probe, Raw
from tests.kernel.matches.packets import packet

UDP, TCP, ECHO = Probe("udp/443"), Probe("tcp/443"), Probe("icmp/echo-request")
HEADERS = (
    Case("ah", "-A FORWARD -p ah -m ah --ahspi 100", packet("AH(spi=100, padding=b'')"), packet("AH(spi=200, padding=b'')"),
         nft="ah spi 100"),
    Case("esp", "-A FORWARD -p esp -m esp --espspi 100", packet("ESP(spi=100)"), packet("ESP(spi=200)"), nft="esp spi 100"),
    Case("ipcomp", "-A FORWARD -p ipcomp -m ipcomp --ipcompspi 100", packet(r"IP(proto=108)/Raw(b'\x04\x00\x00\x64data')"),
         packet(r"IP(proto=108)/Raw(b'\x04\x00\x00\x65data')"), nft="comp cpi 100"),
    Case("sctp", "-A FORWARD -p sctp -m sctp --dport 5 --chunk-types any INIT",
         packet("SCTP(sport=9, dport=5)/SCTPChunkInit()"),
         packet("SCTP(sport=9, dport=6)/SCTPChunkInit()"), nft="sctp dport 5"),
    Case("dccp", "-A FORWARD -p dccp -m dccp --dport 5", packet(r"IP(proto=33)/Raw(b'\0\7\0\5\4\0\0\0\0\0\0\1\0\0\0\0')"),
         packet(r"IP(proto=33)/Raw(b'\0\7\0\6\4\0\0\0\0\0\0\1\0\0\0\0')"), nft="dccp dport 5"),
    Case("udp", "-A FORWARD -p udp -m udp --dport 443", UDP, Probe("udp/444"), nft="udp dport 443"),
    Case("tcp", "-A FORWARD -p tcp -m tcp --dport 443 --syn", TCP, Probe(keys={"flags": "ack"}, service="tcp/443"),
         nft="tcp dport 443 tcp flags & (fin|syn|rst|ack) == syn"),
    Case("tcp", "-A FORWARD -p tcp -m tcp --tcp-option 4", TCP, packet("TCP(dport=443, flags='S')"), variant="option",
         nft="tcp option sack-perm exists"),
    Case("tcp", "-A FORWARD -p tcp -m tcp --tcp-flags ALL FIN,PSH,URG", packet("TCP(dport=443, flags='FPU')"), TCP,
         variant="flags", nft="tcp flags == fin|psh|urg"),
    Case("tcpmss", "-A FORWARD -p tcp -m tcpmss --mss 1400:1500", TCP, packet("TCP(dport=443, options=[('MSS', 536)])"),
         nft="tcp option maxseg size 1400-1500"),
    Case("multiport", "-A FORWARD -p udp -m multiport --dports 440:443,9", UDP, Probe("udp/444"),
         nft="udp dport { 440-443, 9 }"),
    Case("icmp", "-A FORWARD -p icmp -m icmp --icmp-type 8", ECHO, Probe("icmp/timestamp-request"),
         nft="icmp type echo-request"),
    Case("iprange", "-A FORWARD -m iprange --src-range 10.0.1.5-10.0.1.20", UDP, Probe(keys={"source": "10.0.1.77"}),
         nft="ip saddr 10.0.1.5-10.0.1.20"),
    Case("length", "-A FORWARD -m length --length 40:50", UDP, TCP, nft="meta length 40-50"),
    Case("ttl", "-A FORWARD -m ttl --ttl-lt 20", packet("IP(ttl=9)/UDP(dport=443)"), UDP, nft="ip ttl < 20"),
    Case("dscp", "-A FORWARD -m dscp --dscp-class EF", packet("IP(tos=184)/UDP(dport=443)"), UDP, nft="ip dscp ef"),
    Case("tos", "-A FORWARD -m tos --tos 0x10/0xff", packet("IP(tos=16)/UDP(dport=443)"), UDP),
    Case("ecn", "-A FORWARD -m ecn --ecn-ip-ect 2", packet("IP(tos=2)/UDP(dport=443)"), UDP, nft="ip ecn ect0"),
    Case("ecn", "-A FORWARD -p tcp -m ecn --ecn-tcp-ece", packet("TCP(dport=443, flags='SEC')"), TCP, variant="tcp",
         nft="tcp flags & ecn == ecn"),
    Case("u32", "-A FORWARD -m u32 --u32 6&0xFF=17", UDP, TCP, nft="@nh,72,8 17"),
    Case("bpf", "-A FORWARD -m bpf --bytecode '4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0'".replace("'", '"'), UDP, TCP),
    Case("string", "-A FORWARD -m string --algo bm --string lab:", UDP, packet("UDP(dport=443)/Raw(b'other words')"),
         nft="@th,64,32 0x6c61623a"),
    Case("string", "-A FORWARD -m string --algo kmp --hex-string |6c61623a|", UDP, packet("UDP(dport=443)/Raw(b'labs')"),
         variant="kmp"),
    Case("comment", "-A FORWARD -p udp -m comment --comment another", UDP, TCP, nft="meta l4proto udp"),
)  # fmt: skip


def _six(layers: str) -> Raw:
    return packet(layers if layers.startswith("IPv6(") else f"IPv6()/{layers}")


OF_IPV6 = tuple(
    Case(name, f"-A FORWARD {rule}", _six(meets), _six(misses), family=6, nft=nft, variant=variant)
    for name, variant, rule, meets, misses, nft in (
        ("frag", "", "-m frag --fragid 7 --fragmore", "IPv6ExtHdrFragment(id=7, m=1)/UDP(dport=9)/Raw(bytes(8))",
         "IPv6ExtHdrFragment(id=8, m=1)/UDP(dport=9)/Raw(bytes(8))", "frag id 7"),
        ("hbh", "", "-m hbh --hbh-len 8", "IPv6ExtHdrHopByHop()/UDP(dport=9)",
         "IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=30, optdata=bytes(12))])/UDP(dport=9)", "hbh hdrlength 0"),
        ("dst", "", "-m dst --dst-len 8", "IPv6ExtHdrDestOpt()/UDP(dport=9)",
         "IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))])/UDP(dport=9)", "dst hdrlength 0"),
        ("rt", "", "-m rt --rt-type 4", "IPv6ExtHdrRouting(type=4, segleft=0)/UDP(dport=9)",
         "IPv6ExtHdrRouting(type=2, segleft=0)/UDP(dport=9)", "rt type 4"),
        ("ipv6header", "", "-m ipv6header --header hop --soft", "IPv6ExtHdrHopByHop()/UDP(dport=9)", "UDP(dport=9)",
         "exthdr hbh exists"),
        ("mh", "", "-p mh -m mh --mh-type 1", "IPv6(nh=135)/Raw(bytes([59,1,1,0]+[0]*12))",
         "IPv6(nh=135)/Raw(bytes([59,1,2,0]+[0]*12))", "mh type 1"),
        ("srh", "", "-m srh --srh-segs-left-eq 0",
         ("IPv6ExtHdrSegmentRouting(addresses=['2001:db8:2::10'], segleft=0, lastentry=0)"
         "/UDP(dport=9)"), "UDP(dport=9)", "srh last-entry 0"),
        ("icmp6", "", "-p icmpv6 -m icmp6 --icmpv6-type 128", "ICMPv6EchoRequest()", "ICMPv6EchoReply()",
         "icmpv6 type echo-request"),
        ("hl", "", "-p udp -m hl --hl-lt 20", "IPv6(hlim=9)/UDP(dport=9)", "UDP(dport=9)",
         "meta l4proto udp ip6 hoplimit < 20"),
        ("eui64", "", "-p udp -m eui64", "IPv6(src='2001:db8:1::ff:fe00:a')/UDP(dport=9)", "UDP(dport=9)", ""),
    )
)  # fmt: skip
