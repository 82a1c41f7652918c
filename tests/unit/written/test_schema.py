"""The JSON Schemas accept what the loader accepts in shape, and refuse what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lab.errors import InputError
from lab.written.load import load_matrix, load_topology
from lab.written.schema import json_schemas
from lab.written.shipped import shipped_root
from lab.written.yaml_source import read_yaml
from tests.unit.written.written import MATRIX, TOPOLOGY, changed

SCHEMAS = json_schemas()
OFFICE = '{lan: [10.0.1.10, "2001:db8:a::10"]}'
POLICIES = "{gateway: edge-gateway}"
RULE = "rule: publish-web "


def accepts(name: str, path: Path) -> bool:
    data: Any = json.loads(json.dumps(read_yaml(path.read_text(), path.name, free=("policies",)).data))
    return jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(data)


def loads(name: str, path: Path) -> bool:
    try:
        load_topology(path) if name == "topology" else load_matrix(path)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("name", ["topology", "matrix", "change"])
def test_they_are_schemas_with_words(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert all("description" in value or "$ref" in value for value in SCHEMAS[name]["properties"].values())  # type: ignore[attr-defined]


def test_the_examples_and_what_is_shipped() -> None:
    assert accepts("topology", TOPOLOGY)
    assert accepts("matrix", MATRIX)
    for kind, folder in (("topology", "topologies"), ("matrix", "matrices")):
        for path in (shipped_root() / folder).glob("*.yaml"):
            assert accepts(kind, path), path


CHANGES = [
    ("topology", OFFICE, "{lan: 10.0.1.10}"),
    ("topology", OFFICE, "{eth0: {network: lan, address: 10.0.1.10}}"),
    ("topology", OFFICE, "{eth0: {network: lan, address: [10.0.1.10]}}"),
    ("topology", "anyip: true", "anyip: 192.0.2.0/24"),
    ("topology", "anyip: true", "anyip: [192.0.2.0/24]"),
    ("topology", "via: world", "via: [198.51.100.254]"),
    ("topology", "names:", "services: {web: tcp/80, both: [tcp/80, tcp/443]}\nnames:"),
    ("topology", "rp_filter: 1", 'rp_filter: "1"'),
    ("topology", "services: [tcp/8443]", "services: tcp/8443"),
    ("matrix", POLICIES, "{gateway: {nft: a.nft, includes: {/etc/nftables.d: nftables.d, /usr: null}}}"),
    ("matrix", POLICIES, "{gateway: {v4: a.j2, vars: [a.yaml, {inline: {a: 1.5}}, {env: A}], jinja: {trim_blocks: true}}}"),
    ("matrix", POLICIES, "{gateway: {render: [make, rules]}}"),
    ("matrix", RULE, "v4: {rule: x} "),
    ("matrix", RULE, "flags: [ack] "),
    ("matrix", RULE, "family: 4 "),
    ("matrix", RULE, "family: 6 "),
    ("matrix", RULE, "family: '6' "),
    ("matrix", RULE, "family: both "),
    ("matrix", RULE, "v6: {rule: x, arrives: null, conntrack: null, expect: {reject: icmp6-adm-prohibited}} "),
    ("matrix", RULE, 'source: "2001:db8::1" '),
    ("matrix", "[net:wan, net:lan, net:dmz]", "[net:wan, net:lan]\n  family: both\n  v6: {expect: deny, logged: null}"),
    ("matrix", POLICIES, "{gateway: {v6: a.j2}}"),
    ("matrix", POLICIES, "{gateway: {nft: a.nft, vars: a.yaml}}"),
    ("matrix", POLICIES, "{gateway: {v4: a.rules, v6: a.rules6, ipset: a.ipset.j2, nft: a.nft}}"),
    ("matrix", RULE, "leaves: {mark: 0x10} "),
    ("matrix", "through: [dnat-web]", "through: dnat-web"),
    ("matrix", "from: net:lan", "from: {at: world, address: 9.9.9.9}"),
    ("matrix", "from: net:lan", "from: [office, {at: world, address: 9.9.9.9}]"),
    ("matrix", "expect: drop\n    logged", "expect: {reject: tcp-reset}\n    logged"),
    ("matrix", "not: [{service: tcp/443}, {from: partner, service: tcp/8080}]", "not: {service: tcp/443}"),
]
REFUSED = [
    ("topology", "forwards: true", "forward: true"),
    ("topology", "forwards: true", "forwards: 1"),
    ("topology", "role: client, ", ""),
    ("topology", OFFICE, "{eth0: {address: 10.0.1.10}}"),
    ("topology", OFFICE, "{much-too-long-for-linux: 10.0.1.10}"),
    ("topology", OFFICE, "{lan: []}"),
    ("topology", "rp_filter: 1", "rp_filter: true"),
    ("topology", "net.ipv4.conf.all.rp_filter", "kernel.panic"),
    ("topology", "web-vip:", '"a b":'),
    ("matrix", "    logged:", "    loged:"),
    ("matrix", "    expect: drop\n    logged", "    logged"),
    ("matrix", "expect: drop\n    logged", "expect: dorp\n    logged"),
    ("matrix", RULE, "packet: {} "),
    ("matrix", RULE, "family: 5 "),
    ("matrix", RULE, "sport: 70000 "),
    ("matrix", RULE, "v6: {expect: null} "),
    ("matrix", RULE, "v6: {to: web} "),
    ("matrix", "name: office surfs", "name: a[b"),
    ("matrix", POLICIES, "{gateway: {v6: [a.j2]}}"),
    ("matrix", POLICIES, "{gateway: {v4: a.j2, jinja: {trim_block: true}}}"),
    ("matrix", POLICIES, "{gateway: {nft: a.nft, includes: {etc/nftables.d: nftables.d}}}"),
    ("matrix", "[tcp/443, udp/443]", "[]"),
    ("matrix", "[tcp/443, udp/443]", "443"),
    ("matrix", "from: net:lan", "from: {at: world}"),
    ("matrix", "[net:wan, net:lan, net:dmz]", "[]"),
]


@pytest.mark.parametrize(("name", "old", "new"), CHANGES)
def test_forms_that_both_accept(name: str, old: str, new: str, tmp_path: Path) -> None:
    path = changed(TOPOLOGY if name == "topology" else MATRIX, old, new, tmp_path)
    assert loads(name, path)
    assert accepts(name, path)


@pytest.mark.parametrize(("name", "old", "new"), REFUSED)
def test_forms_that_both_refuse(name: str, old: str, new: str, tmp_path: Path) -> None:
    path = changed(TOPOLOGY if name == "topology" else MATRIX, old, new, tmp_path)
    assert not loads(name, path)
    assert not accepts(name, path)
