from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.record.result import Outcome, RunResult
from lab.record.way import Way
from lab.report.run_json import json_text, to_json
from lab.report.wire.schema import bench_schema, result_schema
from tests.unit.report import make
from tests.unit.report.wire.documents import undescribed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.lists(inside).map(tuple) | st.dictionaries(st.text(), inside),
)


def every_kind() -> RunResult:
    return make.run(
        [
            make.cell(),
            make.fail_open(suspect=True, warnings=("overdue",)),
            make.fail_closed(),
            make.split_range(),
            make.cell(Outcome.ERROR, make.lost(), family=6),
            make.cell(known=True),
        ],
        problems=make.problems("a problem"),
    )


def only_cell(result: RunResult) -> dict[str, Any]:
    document: dict[str, Any] = to_json(result)
    (cell,) = document["cells"]
    assert isinstance(cell, dict)
    return cell


def test_the_output_is_what_the_schema_says() -> None:
    document = json.loads(json.dumps(to_json(every_kind())))
    schema: dict[str, Any] = result_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert list(undescribed(document, schema, schema["$defs"], "")) == []


def test_the_keys_that_machines_were_promised() -> None:
    document: dict[str, Any] = to_json(every_kind())
    assert document["version"] == 1
    assert {"cells", "passed", "fail_open", "fail_closed", "mismatch", "errors", "suspect", "seconds"} <= set(
        document["summary"]
    )
    for cell in document["cells"]:
        assert {
            "id", "way", "expected", "verdict", "result", "rule", "decided", "arrived", "conntrack", "path", "probe_us",
        } <= set(cell)  # fmt: skip


def test_an_allowed_cell() -> None:
    cell = only_cell(make.run([make.cell()]))
    assert cell["verdict"] == "allowed"
    assert cell["result"] == "passed"
    assert cell["rule"] == {
        "node": "gateway",
        "family": "ip",
        "table": "filter",
        "chain": "from-wan",
        "number": 1,
        "comment": "publish-web",
        "text": make.PUBLISH.text,
        "source": "policies/edge.rules.j2:52",
    }
    assert cell["decided"] == [{"node": "gateway", "rule": cell["rule"]}]
    assert cell["arrived"] == {"at": "web", "address": "10.0.2.10", "port": 8443, "from": "192.0.2.7", "sport": 40000}
    assert cell["conntrack"]["state"] == "ESTABLISHED"
    assert cell["conntrack"]["assured"] is True
    assert cell["probe_us"] == 210.0


def test_the_way_of_a_cell() -> None:
    way = Way("legacy", (("gateway", "edge"), ("core", "inner")), "a1b2")
    cell = only_cell(make.run([make.cell(way=way)]))
    assert cell["way"] == {"backend": "legacy", "policies": {"gateway": "edge", "core": "inner"}, "revision": "a1b2"}
    assert only_cell(make.run([make.cell()]))["way"] == {"backend": "nft", "policies": {}, "revision": None}


def test_the_path_is_a_compact_list_of_steps() -> None:
    cell = only_cell(make.run([make.fail_closed()]))
    assert [step["verdict"] for step in cell["path"]] == ["accept", "jump from-wan", "return", "drop"]
    assert cell["path"][0] == {
        "node": "gateway",
        "hook": "prerouting",
        "table": "nat",
        "chain": "PREROUTING",
        "number": 2,
        "comment": "dnat-web",
        "verdict": "accept",
        "source": "policies/edge.rules.j2:31",
        "packets_before": None,
        "packets_after": None,
        "did": "DNAT",
    }
    assert cell["path"][2]["number"] is None
    assert cell["arrived"] is None
    assert cell["conntrack"] is None


def test_conntrack_is_the_entry_at_the_deciding_node() -> None:
    verdict = make.allowed()
    elsewhere = make.ENTRY._replace(node="core", state="NEW")
    observation = verdict.observation.__class__(
        verdict.observation.sent, verdict.observation.stage, conntrack=(elsewhere, make.ENTRY)
    )
    verdict = verdict.__class__(verdict.kind, verdict.proof, observation, rule=verdict.rule)
    cell = only_cell(make.run([make.cell(verdict=verdict)]))
    assert cell["conntrack"]["node"] == "gateway"
    assert [entry["node"] for entry in cell["conntrack_elsewhere"]] == ["core"]


def test_the_groups_of_a_range_carry_their_own_verdicts() -> None:
    cell = only_cell(make.run([make.split_range()]))
    shown = [(group["ports"], group["count"], group["verdict"]) for group in cell["groups"]]
    assert shown == [("1-442,444-65535", 65534, "dropped"), ("443", 1, "allowed")]
    assert cell["groups"][0]["rule"]["number"] is None


def test_the_provenance_is_written_whole() -> None:
    document = json.loads(json.dumps(to_json(make.run([make.cell()]))))
    assert list(document["machine"].items()) == [
        ("lab", "1.2"), ("kernel", "6.18.0"), ("architecture", "x86_64"), ("python", "3.13.1"),
        ("iptables", "iptables v1.8.9 (nf_tables)"), ("backend", "nft"), ("nft", None), ("ipset", "ipset v7.17"),
        ("processors", 2), ("rootless", False),
        ("matrices", {"web-edge": {
            "backend": "nft", "rulesets": {"gateway": "sha256:ab"}, "texts": {"gateway": {"v4": "sha256:cd"}},
            "sysctls": {"gateway": {"net.ipv4.ip_forward": "1"}},
        }}),
    ]  # fmt: skip
    assert to_json(make.run([], provenance=None))["machine"] == {}


def test_a_wrong_document_is_refused_by_the_schema() -> None:
    document: dict[str, Any] = to_json(make.run([make.cell()]))
    document["cells"][0]["result"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(result_schema()).validate(document)


def test_the_schema_of_the_bench_has_the_keys_that_were_promised() -> None:
    schema: dict[str, Any] = bench_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["required"]) == {
        "version", "deny_us", "allow_us", "allow_untraced_us", "matrix_1000_s", "lab3_policy_ms", "lab100_s",
        "load_ratio", "load_bare_s", "readback_s", "rss_mb", "peers", "deny_legacy_us", "allow_legacy_us",
        "load_legacy_ratio", "load_nft_ratio", "load_100k_ratio", "load_100k_bare_s", "ipset_100k_s", "ipset_100k_ratio",
        "load_one_by_one_s", "load_one_by_one_bare_s", "sweep_verdict_s", "sweep_rule_s", "sweep_all_accept_s", "lab3_ms",
        "lab300_s", "lab1000_s", "exposure_s", "pytest_1000_s", "rmem_max", "backlog", "growth",
        "openwrt_default_s", "openwrt_default_ratio", "ufw_docker_run_s", "ufw_docker_run_ratio", "ufw_docker_exposure_s",
        "ufw_docker_exposure_ratio", "branches_exposure_s", "branches_exposure_ratio", "counting_exposure_s",
        "counting_exposure_ratio", "campus_zone_exposure_s", "counting_reach_s", "campus_reach_s", "campus_probe_ms",
        "diff_s", "diff_ratio", "diff_itself_s", "diff_campus_s", "diff_campus_mb", "trace_twin_s",
        "probe_49_nodes_ratio",
    }  # fmt: skip
    assert set(schema["properties"]["peers"]["required"]) == {
        "nc_deny_us", "scapy_sr1_deny_us", "ip_netns_exec_us", "nmap_tuned_s", "nmap_tuned_ratio",
        "nmap_default_1000_ports_s", "ip_batch_lab3_ms", "mininet_lab3_ms", "nse_deny_us",
    }  # fmt: skip
    assert set(schema["properties"]["growth"]["required"]) == {"rules", "cells", "nodes"}


@given(VALUES)
def test_the_text_is_that_of_the_standard_library(value: object) -> None:
    assert json_text({"said": value}) == json.dumps({"said": value}, indent=1).replace("##", r"#\u0023") + "\n"
