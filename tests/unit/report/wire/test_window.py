"""A window in a document is read back as it was written."""

from __future__ import annotations

import json

from lab.record.window import HeldFlow, Moment
from lab.report.wire.document import adapter
from lab.report.wire.window import Window
from lab.report.wire.writing import written
from lab.verdict.window import window
from tests.unit.windows import ANSWERED, FAULTY, MS, T0, streamed

FLOW = "10.0.1.10 > 10.0.2.10 tcp/80"


def test_it_says_what_the_record_does() -> None:
    met = {"ssh": "...x....", "new": "...xxxxx", "odd": "x.xxxxxx", "0>": "xxxx....", "0<": "xxxxxxxx"}
    flows, moments = [HeldFlow("session", ANSWERED, ANSWERED, FAULTY)], [Moment("nft -f", T0 - MS)]
    found = written(Window, window(streamed(met, flows=flows, moments=moments)))
    said = json.loads(json.dumps(found))
    assert said["opened"] == {"packets": 1, "ms": 0.0, "first": {"name": "ssh", "ms": 1.0, "flow": FLOW}}
    assert said["refused"] == {"packets": 0, "ms": 0.0, "first": None}
    assert said["streams"][0] == {
        "name": "ssh", "flow": FLOW, "before": "denied", "after": "denied", "packets": 4, "wrong": 1, "changed_ms": None,
        "flaps": 0, "runs": [
            {"state": "as before", "start_ms": 0.0, "end_ms": 0.0, "packets": 1},
            {"state": "opened", "start_ms": 1.0, "end_ms": 1.0, "packets": 1},
            {"state": "as before", "start_ms": 2.0, "end_ms": 3.0, "packets": 2},
        ],
    }  # fmt: skip
    assert (said["streams"][1]["changed_ms"], said["streams"][1]["after"]) == (1.0, "allowed")
    assert {name: said["flows"][0][name] for name in ("lost", "broken", "before", "after", "rule")} == {
        "lost": 2, "broken": True, "before": "allowed", "after": "lost", "rule": None,
    }  # fmt: skip
    assert said["moments"] == [{"label": "nft -f", "ms": -1.0}]
    assert said["unsteady"] == [{"name": "odd", "why": "before, at rest, 1 of 2 packets got through"}]
    again = adapter(Window).dump_python(adapter(Window).validate_python(said), mode="json")
    assert json.dumps(again) == json.dumps(said)


def test_a_flow_that_was_reset_has_no_verdict() -> None:
    flows = [HeldFlow("session", ANSWERED, ANSWERED)]
    found = json.loads(json.dumps(written(Window, window(streamed({"0>": "xxxx..", "0<": "xxxxxx"}, flows=flows)))))
    (flow,) = found["flows"]
    assert (flow["after"], flow["proof"], flow["broken"]) == (None, "", True)
