"""Speed and size: what ``lab bench --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from lab.report.wire.document import key
from lab.report.wire.parts import Count, Many, Number

figure = partial(key, older=None)


@dataclass(frozen=True, kw_only=True)
class Peers:
    """The same by what one would use otherwise."""

    nc_deny_us: Number | None = figure("a deny by `nc -z -w1`, microseconds; null without nc")
    scapy_sr1_deny_us: Number | None = figure("a deny by scapy's `sr1`, microseconds")
    ip_netns_exec_us: Number | None = figure("one `ip netns exec`, microseconds")
    nse_deny_us: Number | None = figure("one more denied packet in a run of network-sandbox-engine, microseconds")
    nmap_tuned_s: Number | None = figure("65,535 TCP ports of the same host by nmap at its fastest, seconds")
    nmap_tuned_ratio: Number | None = figure("nmap's best of these as a multiple of the lab's verdicts, in turn")
    nmap_default_1000_ports_s: Number | None = figure("1,000 TCP ports of the same host by nmap at its defaults, seconds")
    ip_batch_lab3_ms: Number | None = figure("the network of three nodes by `ip -batch`, without waiting for it, milliseconds")
    mininet_lab3_ms: Number | None = figure("the network of three nodes by mininet, milliseconds")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A denied probe by the size of the ruleset."""

    rules: Count | None = figure("blocked addresses, of which the last is probed")
    linear_us: Number | None = figure("a proven deny by a chain with a rule each, microseconds")
    tree_us: Number | None = figure("a proven deny by a tree of chains over the same addresses, microseconds")
    ipset_us: Number | None = figure("a proven deny by one rule and a set of the same addresses, microseconds")


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A run by the number of its cells."""

    cells: Count | None = figure("cells of a matrix, half of them denied")
    run_s: Number | None = figure("all of them by `lab run`, everything included, seconds")


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """A lab by the number of its nodes."""

    nodes: Count | None = figure("nodes of a topology")
    lab_s: Number | None = figure("the network up and down by the lab, seconds")
    ip_batch_s: Number | None = figure("the same by `ip -batch`, without waiting for it, seconds")


rows = partial(figure, "one row for each size")
without_limiters = partial(figure, "the same as a multiple of what it takes without limiters")


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What grows, and how that is felt."""

    rules: Many[Rules] | None = rows()
    cells: Many[Cells] | None = rows()
    nodes: Many[Nodes] | None = rows()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Speed and size: medians."""

    version: Literal[1] = key()
    deny_us: Number | None = figure("a proven deny with its rule, microseconds")
    allow_us: Number | None = figure("an allow: nonce each way, conntrack read, close; microseconds")
    allow_untraced_us: Number | None = figure("the same exchange untraced, microseconds")
    deny_legacy_us: Number | None = figure("a proven deny held by iptables-legacy, microseconds; null without it")
    allow_legacy_us: Number | None = figure("an allow held by iptables-legacy, microseconds")
    sweep_verdict_s: Number | None = figure("65,535 TCP ports of a host behind 200 rules, the verdict of each, seconds")
    sweep_rule_s: Number | None = figure("the same with the deciding rule of each port, seconds")
    sweep_all_accept_s: Number | None = figure("the verdicts of 65,535 ports where everything is accepted, seconds")
    matrix_1000_s: Number | None = figure("1,000 cells by `lab run`, everything included, seconds")
    rss_mb: Number | None = figure("peak memory of the 1,000 cells, megabytes of 10^6 bytes")
    pytest_1000_s: Number | None = figure("the same 1,000 cells by `pytest`, everything included, seconds")
    exposure_s: Number | None = figure("`lab exposure --topology edge`, everything included, seconds")
    openwrt_default_s: Number | None = figure("a default of four pairs and 1,023 ports by OpenWrt's stock set, seconds")
    openwrt_default_ratio: Number | None = without_limiters()
    ufw_docker_run_s: Number | None = figure("1,000 cells and a default of a gateway with ufw and Docker, seconds")
    ufw_docker_run_ratio: Number | None = without_limiters()
    ufw_docker_exposure_s: Number | None = figure("the exposure of the same gateway, seconds")
    ufw_docker_exposure_ratio: Number | None = without_limiters()
    branches_exposure_s: Number | None = figure("the exposure of a router of 218 rules and 15 networks, seconds")
    branches_exposure_ratio: Number | None = without_limiters()
    counting_exposure_s: Number | None = figure("the exposure of a firewall of 580 rules with a guard by `recent`, seconds")
    counting_exposure_ratio: Number | None = without_limiters()
    campus_zone_exposure_s: Number | None = figure("what one zone of a router of 5,500 rules and 25 networks reaches, seconds")
    counting_reach_s: Number | None = figure("who reaches whom by ssh past the firewall of 580 rules, seconds")
    campus_reach_s: Number | None = figure("who reaches whom by ssh past the router of 5,500 rules, seconds")
    campus_probe_ms: Number | None = figure("an allow by the same router, milliseconds")
    probe_49_nodes_ratio: Number | None = figure("a probe in a lab of 49 nodes as a multiple of one in a lab of three")
    diff_s: Number | None = figure("`lab diff` of the router of 218 rules and itself with five slips, on its twin, seconds")
    diff_ratio: Number | None = figure("the exposures of both, the second compared with the first, as a multiple of that")
    diff_itself_s: Number | None = figure("`lab diff` of the same rules twice, the texts unlike by a comment, seconds")
    diff_campus_s: Number | None = figure("`lab diff` of the router of 5,500 rules and itself with twenty slips, seconds")
    diff_campus_mb: Number | None = figure("the peak memory of that, megabytes of 10^6 bytes")
    trace_twin_s: Number | None = figure("`lab trace --twin` of the rules of the router of 218, seconds")
    lab3_ms: Number | None = figure("a lab of three nodes without a policy, until it can be asked, milliseconds")
    lab3_policy_ms: Number | None = figure("a lab of three nodes with its policy, up and down, milliseconds")
    lab100_s: Number | None = figure("a lab of 100 nodes, up and down, seconds")
    lab300_s: Number | None = figure("a lab of 300 nodes, up and down, seconds")
    lab1000_s: Number | None = figure("a lab of 1,000 nodes, up and down, seconds")
    load_ratio: Number | None = figure("loading 10,000 rules in 1,000 chains, as a multiple of bare iptables-restore")
    load_bare_s: Number | None = figure("the bare iptables-restore of the same rules, seconds")
    readback_s: Number | None = figure("reading the rules back after the load, seconds")
    load_legacy_ratio: Number | None = figure("the same rules by iptables-legacy, as a multiple of the bare tool")
    load_nft_ratio: Number | None = figure("the same rules as an nft script, as a multiple of bare `nft -f`")
    load_100k_ratio: Number | None = figure(
        "100,000 rules loaded and read back with their lines, as a multiple of the bare load"
    )
    load_100k_bare_s: Number | None = figure("the bare iptables-restore of 100,000 rules, seconds")
    load_one_by_one_s: Number | None = figure("1,000 rules by 1,000 calls of `iptables -A`, seconds")
    load_one_by_one_bare_s: Number | None = figure("the same 1,000 rules by one bare iptables-restore, seconds")
    ipset_100k_s: Number | None = figure("a set of 100,000 addresses, seconds; null without ipset")
    ipset_100k_ratio: Number | None = figure("the same as a multiple of the bare `ipset restore`")
    rmem_max: Count | None = figure("net.core.rmem_max of the machine, bytes")
    backlog: Count | None = figure("net.core.netdev_max_backlog of the machine, packets")
    growth: Growth = key(older=Growth())
    peers: Peers = key(older=Peers())
