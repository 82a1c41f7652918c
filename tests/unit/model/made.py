"""A firewall that uses whatever the model reads: marks and tables, translations, sets, chains of its own, logs."""

from __future__ import annotations

from lab.ruleset.held import Chains
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.nft.held import chains_of_listing
from lab.ruleset.nft.listing import read_listing
from lab.ruleset.save import read_save
from lab.written.topology import Topology

SITE = Topology.model_validate({
    "topology": "site",
    "networks": {
        "uplink-a": ["198.51.100.0/28"], "uplink-b": ["203.0.113.0/28"], "lan": ["10.20.0.0/24"], "dmz": ["10.20.9.0/28"],
    },
    "nodes": {
        "world-a": {"role": "world", "interfaces": {"uplink-a": "198.51.100.2"}, "via": "198.51.100.1", "anyip": True},
        "world-b": {"role": "world", "interfaces": {"uplink-b": "203.0.113.2"}, "via": "203.0.113.1"},
        "desk": {"role": "client", "interfaces": {"lan": "10.20.0.10"}, "via": "10.20.0.1"},
        "shop": {"role": "backend", "interfaces": {"dmz": "10.20.9.3"}, "via": "10.20.9.1"},
        "fw": {
            "role": "gateway", "forwards": True, "via": "198.51.100.2",
            "interfaces": {
                "wan0": {"network": "uplink-a", "address": "198.51.100.1"},
                "wan1": {"network": "uplink-b", "address": "203.0.113.1"},
                "lan0": {"network": "lan", "address": "10.20.0.1"}, "dmz0": {"network": "dmz", "address": "10.20.9.1"},
            },
            "routes": ["default via 203.0.113.2 table 100"], "rules": ["fwmark 2 lookup 100 pref 1000"],
        },
    },
})  # fmt: skip
SETS = """create partners hash:net family inet
add partners 192.0.2.0/25
add partners 192.0.2.200
create banned hash:ip family inet
add banned 192.0.2.9
"""
RULES = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i wan0 -m set --match-set banned src -j DROP
-A PREROUTING -i lan0 -p udp -m udp --dport 4000:4010 -j CT --notrack
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i lan0 -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x2/0xffffffff
-A PREROUTING -s 10.20.0.64/26 -j MARK --set-xmark 0x2/0xf
-A FORWARD -m mark --mark 0x2/0xf -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 198.51.100.1/32 -i wan0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.20.9.3:8443
-A PREROUTING -d 198.51.100.1/32 -i wan0 -p tcp -m multiport --dports 80,8080 -j DNAT --to-destination 10.20.9.3
-A PREROUTING -i lan0 -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353
-A POSTROUTING -s 10.20.0.0/24 -o wan0 -j MASQUERADE
-A POSTROUTING -s 10.20.0.0/24 -o wan1 -j SNAT --to-source 203.0.113.1
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:from-lan - [0:0]
:from-wan - [0:0]
:icmp-ok - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p icmp -j icmp-ok
-A INPUT -i lan0 -p tcp -m tcp --dport 22 -m comment --comment admin -j ACCEPT
-A INPUT -i lan0 -p udp -m udp --dport 5353 -j ACCEPT
-A INPUT -i lan0 -p udp -m udp --dport 4000:4010 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 113 -j REJECT --reject-with tcp-reset
-A INPUT -i wan+ -m limit --limit 5/min -j LOG --log-prefix "in: "
-A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix "invalid: "
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan0 -j from-lan
-A FORWARD -i wan0 -g from-wan
-A FORWARD -i wan1 -m set --match-set partners src -p tcp -m tcp --dport 8443 -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp-admin-prohibited
-A OUTPUT -d 10.20.9.0/28 -p tcp -m tcp ! --dport 22 -j REJECT --reject-with icmp-port-unreachable
-A from-lan -s 10.20.0.128/25 -d 10.20.9.0/28 -j DROP
-A from-lan -p tcp -m tcp --dport 25 -o wan1 -j ACCEPT
-A from-lan -p tcp -m multiport --dports 80,443,8443 -j ACCEPT
-A from-lan -p tcp -m tcp --sport 1024:65535 --dport 22 -d 10.20.9.0/28 -j ACCEPT
-A from-lan -p udp -m udp --dport 4000:4010 -j ACCEPT
-A from-lan -p icmp -j icmp-ok
-A from-wan -p tcp -m conntrack --ctstate DNAT -m tcp --dport 8443 -j ACCEPT
-A from-wan -d 10.20.9.3/32 -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A from-wan -p tcp -m conntrack --ctorigdstport 8080 -j ACCEPT
-A from-wan -m set ! --match-set partners src -j LOG --log-prefix "wan: "
-A icmp-ok -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A icmp-ok -p icmp -m icmp --icmp-type 3/4 -j ACCEPT
COMMIT
"""


def saved(text: str) -> Chains:
    """The chains of what iptables-save prints."""
    return chains_of_save("ip", read_save(text))


def listed(text: str) -> Chains:
    """The chains of what nft lists."""
    return chains_of_listing(read_listing(text))
