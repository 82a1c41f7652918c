"""The names of iptables' tables, chains and extensions: what a machine may lack, as against what a person misspelt."""

from __future__ import annotations

from difflib import get_close_matches

# Matches and targets of iptables 1.8.9, and with them those of xtables-addons.
MATCHES_OF_IPTABLES = frozenset((
    "addrtype", "ah", "bpf", "cgroup", "cluster", "comment", "connbytes", "connlabel", "connlimit", "connmark",
    "conntrack", "cpu", "dccp", "devgroup", "dscp", "dst", "ecn", "esp", "eui64", "frag", "hashlimit", "hbh",
    "helper", "hl", "icmp", "icmp6", "ipcomp", "iprange", "ipv6header", "ipvs", "length", "limit", "mac", "mark",
    "mh", "multiport", "nfacct", "osf", "owner", "physdev", "pkttype", "policy", "quota", "rateest", "realm",
    "recent", "rpfilter", "rt", "sctp", "set", "socket", "srh", "state", "statistic", "string", "tcp", "tcpmss",
    "time", "tos", "ttl", "u32", "udp",
))
MATCHES = MATCHES_OF_IPTABLES | frozenset((
    "account", "condition", "fuzzy", "geoip", "gradm", "iface", "ipp2p", "ipv4options", "length2", "lscan",
    "pknock", "psd", "quota2",
))
TARGETS_OF_IPTABLES = frozenset((
    "AUDIT", "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNMARK", "CONNSECMARK", "CT", "DNAT", "DNPT", "DSCP", "ECN",
    "HL", "HMARK", "IDLETIMER", "LED", "LOG", "MARK", "MASQUERADE", "NETMAP", "NFLOG", "NFQUEUE", "NOTRACK",
    "RATEEST", "REDIRECT", "REJECT", "SECMARK", "SET", "SNAT", "SNPT", "SYNPROXY", "TCPMSS", "TCPOPTSTRIP", "TEE",
    "TOS", "TPROXY", "TRACE", "TTL", "ULOG",
))
TARGETS = TARGETS_OF_IPTABLES | frozenset((
    "ACCOUNT", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "IPMARK", "LOGMARK", "PROTO", "SYSRQ", "TARPIT",
))
# What each table has, whether a text names it or not.
BUILT_IN_CHAINS = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
TABLES = frozenset(BUILT_IN_CHAINS)
# Those whose module has another name than xt_ and their own (net/netfilter, net/ipv4/netfilter and net/ipv6/netfilter).
_MODULES = {
    **{name: f"ip6t_{name}" for name in ("eui64", "frag", "hbh", "ipv6header", "mh", "rt", "srh")},
    **{name: f"ipt_{name} or ip6t_{name}" for name in ("ah", "rpfilter", "REJECT", "SYNPROXY")},
    "dst": "ip6t_hbh", "SNPT": "ip6t_NPT", "DNPT": "ip6t_NPT", "ECN": "ipt_ECN", "SNAT": "xt_nat", "DNAT": "xt_nat",
    "NOTRACK": "xt_CT", "SET": "xt_set", "state": "xt_conntrack", "tcp": "xt_tcpudp", "udp": "xt_tcpudp",
    "tos": "xt_dscp", "TOS": "xt_DSCP", "ttl": "xt_hl", "TTL": "xt_HL",
}  # fmt: skip


def resembled(name: str, known: frozenset[str]) -> str | None:
    """The known name that this one is a likely misspelling of; None where it is a known one, or like none."""
    if name in known:
        return None
    close = get_close_matches(name, known, n=1, cutoff=0.75)
    return close[0] if close else None


def module_of(name: str) -> str:
    """The kernel's module of a match or target.

    >>> module_of("LED"), module_of("TTL")
    ('xt_LED', 'xt_HL')
    """
    return _MODULES.get(name, f"xt_{name}")
