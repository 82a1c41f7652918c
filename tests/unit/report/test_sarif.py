from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from lab.errors import Problem
from lab.record.difference import Aspect, DiffReport, Side
from lab.report.run_json import json_text
from lab.report.sarif import diff_sarif
from lab.report.write import _HEADS
from tests.unit.report import make
from tests.unit.report.differing import HOSTILE, closes, logs, many, opens, report

MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ESSENTIAL = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {"required": ["name"], "properties": {"rules": {"items": {"required": ["id"]}}}}
                        },
                    },
                    "invocations": {
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {
                                "toolExecutionNotifications": {
                                    "items": {"required": ["message"], "properties": {"message": MESSAGE, "level": LEVEL}}
                                }
                            },
                        }
                    },
                    "results": {
                        "items": {
                            "required": ["message", "ruleId"],
                            "properties": {
                                "message": MESSAGE,
                                "level": LEVEL,
                                "locations": {
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "required": ["uri"],
                                                        "properties": {"uri": {"pattern": r"^[A-Za-z0-9._~/%:-]+$"}},
                                                    },
                                                    "region": {
                                                        "required": ["startLine"],
                                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                                    },
                                                },
                                            }
                                        }
                                    }
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 requires of the objects that are used (sections 3.13, 3.14, 3.20, 3.27, 3.29 to 3.30)."""


def run_of(of: DiffReport) -> Any:
    document = json.loads(json_text(diff_sarif(of)))
    jsonschema.Draft202012Validator(ESSENTIAL).validate(document)
    (run,) = document["runs"]
    names = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(names[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    return run


def place(result: Any) -> tuple[str, int]:
    physical = result["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_a_result_stands_at_the_line_that_decides_it_now() -> None:
    unplaced = Side(make.dropped(), replace(make.POLICY, source=None))
    results = run_of(report(logs(), closes(), opens(), closes(new=unplaced)))["results"]
    assert [(one["ruleId"], one["level"], *place(one)) for one in results] == [
        ("opens", "error", "policies/edge.rules.j2", 52),
        ("closes", "warning", "new.rules", 22),
        ("closes", "warning", "policies/edge.rules.j2", 52),
        ("log", "note", "policies/edge.rules.j2", 9),
    ]
    assert results[0]["message"]["text"] == (
        "192.0.2.0/24 by wan -> 10.0.2.10 tcp/8443 256 addresses \u00d7 1 port: was dropped by filter:FORWARD policy  "
        "[old.rules:9]; now allowed by filter:from-wan:1 (publish-web)  [policies/edge.rules.j2:52]; "
        "owner net-sec, ticket CHG-1042. Shown by world 192.0.2.7 > 198.51.100.1 tcp/443."
    )


@pytest.mark.parametrize("aspect", [aspect for aspect in Aspect if aspect is not Aspect.ALLOW])
def test_what_neither_opens_nor_closes_is_a_note(aspect: Aspect) -> None:
    (result,) = run_of(report(opens(aspect=aspect, opens=False)))["results"]
    assert result["level"] == "note"


def test_what_is_intended_is_a_note() -> None:
    (result,) = run_of(report(opens(intended="web from wan"), change="c.yaml"))["results"]
    assert (result["ruleId"], result["level"]) == ("opens", "note")
    assert result["message"]["text"].endswith("As intended by web from wan.")


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("a:b c#d.rules:7", "a%3Ab%20c%23d.rules"),
        ("/etc/fw ü.rules:7", "file:///etc/fw%20%C3%BC.rules"),
        ("\udcff.rules:7", "%3F.rules"),
    ],
)
def test_a_file_is_a_reference(source: str, uri: str) -> None:
    (result,) = run_of(report(opens(new=Side(make.allowed(), replace(make.PUBLISH, source=source)))))["results"]
    assert place(result) == (uri, 7)


def test_a_rule_that_nobody_wrote_has_a_name_alone() -> None:
    bare = Side(make.dropped(), replace(make.POLICY, source=None))
    none = {"old": Side(make.dropped()), "new": Side(make.allowed())}
    ones = run_of(report(opens(old=bare, new=bare), opens(**none)))["results"]
    assert sorted(len(one["locations"]) for one in ones) == [0, 1]
    assert not any("physicalLocation" in place for one in ones for place in one["locations"])


def test_many_and_hostile_ones() -> None:
    run = run_of(many(10_000, HOSTILE))
    assert len(run["results"]) == 10_000
    text = json_text(diff_sarif(many(3, HOSTILE)))
    assert "##[" not in text
    assert text.encode().startswith(_HEADS[0])


def test_what_stopped_it_is_a_notification() -> None:
    run = run_of(report(problems=(Problem("no room"),), lost=("a flow",), exit_code=4))
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 4)
    told = [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]]
    assert told == [("error", "no room"), ("warning", "not proven: a flow")]
