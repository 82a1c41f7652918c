"""The JSON Schema (draft 2020-12) of what `lab bench --json` writes.

It has a version.  Within a version keys are only ever added; one that goes, or changes its meaning, makes a new version.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.report.schema_parts import DRAFT, Schema, keys

BENCH_VERSION = 1


def bench_schema() -> Schema:
    """Return the schema; every figure is null where it was not measured."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:netfilter-lab:schema:bench:{BENCH_VERSION}",
        "title": f"netfilter-lab: speed and size, version {BENCH_VERSION}",
        "description": "medians; a figure is null where it was left out or cannot be measured on the machine",
        **keys({
            "version": {"const": BENCH_VERSION},
            **_questions(),
            **_whole_runs(),
            **_labs(),
            **_loads(),
            "rmem_max": _count("net.core.rmem_max of the machine, bytes"),
            "backlog": _count("net.core.netdev_max_backlog of the machine, packets"),
            "growth": _growth(),
            "peers": _peers(),
        }),
    }


def _questions() -> Schema:
    return {
        "deny_us": _number("a proven deny with its rule, microseconds"),
        "allow_us": _number("an allow: nonce each way, conntrack read, close; microseconds"),
        "allow_untraced_us": _number("the same exchange untraced, microseconds"),
        "deny_legacy_us": _number("a proven deny held by iptables-legacy, microseconds; null without it"),
        "allow_legacy_us": _number("an allow held by iptables-legacy, microseconds"),
        "sweep_verdict_s": _number("65,535 TCP ports of a host behind 200 rules, the verdict of each, seconds"),
        "sweep_rule_s": _number("the same with the deciding rule of each port, seconds"),
        "sweep_all_accept_s": _number("the verdicts of 65,535 ports where everything is accepted, seconds"),
    }


def _whole_runs() -> Schema:
    return {
        "matrix_1000_s": _number("1,000 cells by `lab run`, everything included, seconds"),
        "rss_mb": _number("peak memory of the 1,000 cells, megabytes of 10^6 bytes"),
        "pytest_1000_s": _number("the same 1,000 cells by `pytest`, everything included, seconds"),
        "exposure_s": _number("`lab exposure --topology edge`, everything included, seconds"),
    }


def _labs() -> Schema:
    return {
        "lab3_ms": _number("a lab of three nodes without a policy, until it can be asked, milliseconds"),
        "lab3_policy_ms": _number("a lab of three nodes with its policy, up and down, milliseconds"),
        "lab100_s": _number("a lab of 100 nodes, up and down, seconds"),
        "lab300_s": _number("a lab of 300 nodes, up and down, seconds"),
        "lab1000_s": _number("a lab of 1,000 nodes, up and down, seconds"),
    }


def _loads() -> Schema:
    return {
        "load_ratio": _number("loading 10,000 rules in 1,000 chains, as a multiple of bare iptables-restore"),
        "load_bare_s": _number("the bare iptables-restore of the same rules, seconds"),
        "readback_s": _number("reading the rules back after the load, seconds"),
        "load_legacy_ratio": _number("the same rules by iptables-legacy, as a multiple of the bare tool"),
        "load_nft_ratio": _number("the same rules as an nft script, as a multiple of bare `nft -f`"),
        "load_100k_ratio": _number("100,000 rules loaded and read back with their lines, as a multiple of the bare load"),
        "load_100k_bare_s": _number("the bare iptables-restore of 100,000 rules, seconds"),
        "load_one_by_one_s": _number("1,000 rules by 1,000 calls of `iptables -A`, seconds"),
        "load_one_by_one_bare_s": _number("the same 1,000 rules by one bare iptables-restore, seconds"),
        "ipset_100k_s": _number("a set of 100,000 addresses, seconds; null without ipset"),
        "ipset_100k_ratio": _number("the same as a multiple of the bare `ipset restore`"),
    }


def _peers() -> Schema:
    return keys({
        "nc_deny_us": _number("a deny by `nc -z -w1`, microseconds; null without nc"),
        "scapy_sr1_deny_us": _number("a deny by scapy's `sr1`, microseconds"),
        "ip_netns_exec_us": _number("one `ip netns exec`, microseconds"),
        "nse_deny_us": _number("one more denied packet in a run of network-sandbox-engine, microseconds"),
        "nmap_tuned_s": _number("65,535 TCP ports of the same host by nmap at its fastest, seconds"),
        "nmap_default_1000_ports_s": _number("1,000 TCP ports of the same host by nmap at its defaults, seconds"),
        "ip_batch_lab3_ms": _number("the network of three nodes by `ip -batch`, without waiting for it, milliseconds"),
        "mininet_lab3_ms": _number("the network of three nodes by mininet, milliseconds"),
    })


def _growth() -> Schema:
    return keys({
        "rules": _rows({
            "rules": _count("blocked addresses, of which the last is probed"),
            "linear_us": _number("a proven deny by a chain with a rule each, microseconds"),
            "tree_us": _number("a proven deny by a tree of chains over the same addresses, microseconds"),
            "ipset_us": _number("a proven deny by one rule and a set of the same addresses, microseconds"),
        }),
        "cells": _rows({
            "cells": _count("cells of a matrix, half of them denied"),
            "run_s": _number("all of them by `lab run`, everything included, seconds"),
        }),
        "nodes": _rows({
            "nodes": _count("nodes of a topology"),
            "lab_s": _number("the network up and down by the lab, seconds"),
            "ip_batch_s": _number("the same by `ip -batch`, without waiting for it, seconds"),
        }),
    })


def _rows(properties: Mapping[str, object]) -> Schema:
    return {"type": ["array", "null"], "items": keys(properties), "description": "one row for each size"}


def _number(description: str) -> Schema:
    return {"type": ["number", "null"], "minimum": 0, "description": description}


def _count(description: str) -> Schema:
    return {"type": ["integer", "null"], "minimum": 0, "description": description}
