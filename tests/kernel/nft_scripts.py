"""Scripts of native nft, varied in form; ``§NAME`` stands where a rule begins that carries the comment NAME."""

# ruff: noqa: E101 - scripts align as people align them

from __future__ import annotations

SCRIPTS = {
    "a filter with sets": """\
#!/usr/sbin/nft -f
flush ruleset

table inet filter {
	set trusted {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.0/25,   # the first half
			     198.51.100.1-198.51.100.9 }
	}
	set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 80, 192.0.2.2 . 443 }; }
	set seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 100; }

	chain input {
		type filter hook input priority filter; policy drop;
		comment "what comes in; { see below"

		§lo iif "lo" accept comment "lo"
		§state ct state vmap { established : accept,
			related : accept,
			invalid : drop } comment "state"
		# tcp dport 23 accept comment "none"
		§ssh tcp dport 22 ip saddr @trusted accept comment "ssh"
		§pairs ip saddr . tcp dport @pairs counter accept comment "pairs"
		§interval ip saddr { 10.0.0.0/8, 172.16.0.1-172.16.0.9 } tcp dport { 80, 443, 8000-8080 } \\
			meta mark set 1 \\
			accept comment "interval"
		§seen add @seen { ip saddr limit rate 5/second } drop comment "seen"
		§log log prefix "drop { ; # " group 2 comment "log"
	}
}
""",
    "rules with counters of their own": """\
table ip t {
	counter hits { packets 5 bytes 500; }
	quota q { over 25 mbytes used 3 mbytes; }
	limit l { rate 10/second; }
	chain c {
		§one counter packets 7 bytes 70 accept comment "one"
		§named counter name "hits" accept comment "named"
		§quota quota name "q" drop comment "quota"
		§limit limit name "l" counter packets 1 bytes 1 accept comment "limit"
		§two counter counter packets 3 bytes 0 comment "two"
		§bare counter comment "bare"
	}
}
""",
    "maps and jumps": """\
table inet t {
	map services { type inet_service : verdict; elements = { 22 : jump ssh, 80 : goto web }; }
	chain ssh { §ssh accept comment "ssh"; }
	chain web {
		§web return comment "web"; §web2 drop comment "web2"
	}
	chain input {
		type filter hook input priority 0; policy accept; §named tcp dport vmap @services comment "named";
		§vmap ip saddr . tcp dport vmap {
			192.0.2.1 . 22 : jump ssh,
			192.0.2.2 . 80 : goto web
		} comment "vmap"
		§goto goto web comment "goto"
	}
}
""",
    "blocks that are jumped to": """\
table inet t {
	chain c {
		§outer tcp dport { 22,
			23 } jump {
			§in1 ip saddr { 192.0.2.1,
				192.0.2.2 } accept comment "in1"
			§in2 ct state invalid drop comment "in2"; §in3 return comment "in3"
		} comment "outer"
		§short udp dport 53 goto { §in4 drop comment "in4"; } comment "short"
		§last drop comment "last"
	}
}
§added add rule inet t c udp dport 54 jump {
	§in5 accept comment "in5"
} comment "added"
""",
    "definitions": """\
define web = { 80, 443 }
define lan = 192.0.2.0/24
define here = \\
	198.51.100.1
define many = {
	10.0.0.1,
	10.0.0.2
}
table ip t {
	define inner = 8080
	chain c {
		define innermost = { 1, 2 }
		§web ip saddr $lan tcp dport $web accept comment "web"
		redefine web = 8443
		§again tcp dport $web accept comment "again"
		§inner tcp dport { $inner, 99 } ip daddr $here accept comment "inner"
		§many ip saddr $many tcp dport $innermost drop comment "many"
	}
}
""",
    "commands": """\
flush ruleset
add table inet t; add chain inet t c { type filter hook forward priority -5; policy drop; }
add rule inet t c tcp dport 1 accept comment "first"
inet t c tcp dport 2 accept comment "second"
§third add inet t c tcp dport { 3,
	4 } accept comment "third"; §fourth rule inet t c drop comment "fourth"
§before insert rule inet t c tcp dport 5 accept comment "before"
§index insert rule inet t c index 1 tcp dport 6 accept comment "index"
§behind add rule inet t c \\
	index 0 \\
	tcp dport 7 accept comment "behind"
create table ip other
add chain ip other mine
§mine other mine return comment "mine"
add chain inet t held { §held accept comment "held"; }
delete rule inet t c handle 2
§placed add rule inet t c handle 5 tcp dport 9 drop comment "placed"
§new replace rule inet t c handle 3 tcp dport 8 drop comment "new"
""",
    "a table in pieces": """\
table inet t {
	chain c {
		§one tcp dport 1 accept comment "one"
	}
}
table ip u { chain c { §other drop comment "other"; }; }
table inet t {
	chain c {
		§two tcp dport 2 accept comment "two"
	}
	chain d { }
}
§three inet t c tcp dport 3 accept comment "three"
""",
    "two tables at one hook": """\
table inet early {
	chain input { type filter hook input priority filter - 10
		policy accept
		§early tcp dport 1 drop comment "early"
	}
}
table inet late {
	chain input {
		type filter hook input priority filter + 10; policy drop;
		§late tcp dport 1 accept comment "late"
	}
}
table ip6 six {
	chain input {
		type filter hook input priority 0
		§six icmpv6 type { nd-neighbor-solicit, nd-redirect } accept comment "six"
	}
}
""",
    "nat": """\
table inet nat {
	map ports { type inet_service : ipv4_addr; elements = { 80 : 192.0.2.1 }; }
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		§dnat tcp dport 8080 dnat ip to 192.0.2.1:80 comment "dnat"
		§map dnat ip to tcp dport map @ports comment "map"
		§anonymous dnat ip to tcp dport map { 81 : 192.0.2.1,
			82 : 192.0.2.2 } comment "anonymous"
		§redirect udp dport 53 redirect to :5353 comment "redirect"
	}
	chain postrouting {
		type nat hook postrouting priority srcnat
		§masquerade oifname "wan*" masquerade random comment "masquerade"
		§snat ip saddr 10.0.0.0/8 snat ip to 192.0.2.1-192.0.2.9 comment "snat"
	}
}
""",
    "ingress": """\
table netdev edge {
	chain ingress {
		type filter hook ingress device lo priority -500; policy accept;
		§bogons ip saddr { 0.0.0.0/8, 127.0.0.0/8 } counter drop comment "bogons"
		§forward meta mark 1 fwd to lo comment "forward"
	}
	chain several { type filter hook ingress devices = { lo } priority 0; §several accept comment "several"; }
}
table inet t {
	chain ingress {
		type filter hook ingress device "lo" priority 0; policy accept;
		§inet tcp dport 1 drop comment "inet"
	}
}
""",
    "bridge and arp": """\
table bridge t {
	chain forward {
		type filter hook forward priority 0; policy drop;
		§ether ether saddr 02:00:00:00:00:01 drop comment "ether"
		§ip ip saddr 192.0.2.1 tcp dport 80 accept comment "ip"
		§vlan vlan id 5 accept comment "vlan"
	}
}
table arp t { chain input { type filter hook input priority 0; §arp arp operation request accept comment "arp"; }; }
""",
    "statements that bring matches of their own": """\
table inet t {
	chain input {
		type filter hook input priority 0; policy drop;
		§reset reject with tcp reset comment "reset"
		§icmpx reject with icmpx type admin-prohibited comment "icmpx"
		§icmp icmp type { echo-request, redirect } accept comment "icmp"
		§count ct count over 20 reject with tcp reset comment "count"
		§fib fib saddr . iif oif missing drop comment "fib"
		§flags tcp flags & (syn | ack) == syn drop comment "flags"
		§raw @th,16,16 53 accept comment "raw"
		§numgen numgen inc mod 2 vmap { 0 : accept, 1 : drop } comment "numgen"
	}
}
""",
    "flowtables": """\
table inet t {
	flowtable fast {
		hook ingress priority 0
		devices = { lo }
	}
	chain forward {
		type filter hook forward priority 0; policy accept;
		§flow ip protocol { tcp, udp } flow add @fast comment "flow"
	}
}
""",
    "words in comments and strings": """\
table inet t { # chain x {
	comment "table x { chain y { accept; } }"
	chain c { # } drop
		# accept \\
		§one accept comment "one" # comment "two"
		§two tcp dport { 1, # }
			2 } accept comment "two"; ; # drop
		§three log prefix "a
b { " counter comment "three"

		§four drop comment "four"
	}
}
""",
}
