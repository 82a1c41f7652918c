"""What is written is what the schema says, and is read back as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema
import pytest

from lab.report.run_json import json_text
from lab.report.wire.audit import Audit
from lab.report.wire.bench import Bench
from lab.report.wire.conntrack import Conntrack
from lab.report.wire.diff import Diffs
from lab.report.wire.document import adapter, keys_of
from lab.report.wire.exposure import Exposure, Exposures, Place, Saved
from lab.report.wire.reading import read
from lab.report.wire.rehearsal import Rehearsals
from lab.report.wire.run import Run
from lab.report.wire.schema import (
    audit_schema,
    bench_schema,
    conntrack_schema,
    diff_schema,
    exposure_schema,
    reach_schema,
    rehearse_schema,
    result_schema,
    sweep_schema,
)
from lab.report.wire.service_matrix import ServiceMatrices
from lab.report.wire.sweep import Sweeps
from lab.report.wire.writing import written
from tests.unit.report.wire.documents import DOCUMENTS, sweeps, undescribed

SCHEMAS = {
    Run: result_schema(), Sweeps: sweep_schema(), Exposures: exposure_schema(), Bench: bench_schema(), Diffs: diff_schema(),
    Audit: audit_schema(), ServiceMatrices: reach_schema(), Conntrack: conntrack_schema(),
    Rehearsals: rehearse_schema(),
}  # fmt: skip
WITHOUT_PYDANTIC = """
import sys
sys.modules["pydantic"] = sys.modules["pydantic_core"] = None
from pathlib import Path
from lab.report.reports import (
    audit_reports, conntrack_reports, diff_reports, exposure_reports, reach_reports, rehearse_reports, run_reports,
    sweep_reports, trace_reports
)
run_reports(Path("run.json")).begin()
sweep_reports(Path("sweep.json")).begin()
trace_reports(Path("trace.json")).begin()
exposure_reports(Path("exposure.json")).begin()
diff_reports(Path("diff.json")).begin()
audit_reports(Path("audit.json")).begin()
conntrack_reports(Path("conntrack.json")).begin()
reach_reports(Path("reach.json"), Path("reach.svg")).begin()
rehearse_reports(Path("rehearse.json")).begin()
"""


def of_json(document: dict[str, Any]) -> Any:
    return json.loads(json_text(document))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_read_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    kind: type[Any]
    kind, document = DOCUMENTS[name]
    file = tmp_path / "document.json"
    file.write_text(json_text(document))
    found: Any = read(kind, file, "lab")
    assert isinstance(found, kind)
    again = adapter(kind).dump_python(found, mode="json", by_alias=True)
    assert json.dumps(again) == json.dumps(of_json(document))  # also the order of the keys


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_what_its_schema_says(name: str) -> None:
    kind, document = DOCUMENTS[name]
    schema: dict[str, Any] = SCHEMAS[kind]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(of_json(document))
    assert list(undescribed(of_json(document), schema, schema.get("$defs", {}), "")) == []


@pytest.mark.parametrize(("dropped", "added"), [("ports", {}), (None, {"sources": ["10.0.0.0"]})])
def test_a_group_of_a_sweep_has_ports_or_sources(dropped: str | None, added: dict[str, Any]) -> None:
    document = of_json(sweeps())
    group = document["sweeps"][0]["groups"][0]
    group.pop(dropped, None)
    group.update(added)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(sweep_schema()).validate(document)


def test_a_group_of_a_sweep_begins_with_its_keys() -> None:
    firsts = [next(iter(group)) for sweep in of_json(sweeps())["sweeps"] for group in sweep["groups"]]
    assert firsts == ["ports", "ports", "sources"]


@pytest.mark.parametrize(("part", "whole"), [(Saved, Exposures), (Place, Exposure)])
def test_what_a_comparison_takes_is_a_part_of_what_is_saved(part: type, whole: type) -> None:
    of_part, of_whole = get_type_hints(part), get_type_hints(whole)
    assert {key: of_part[key] for key in of_part if key != "exposures"}.items() <= of_whole.items()
    assert {key for _, key, _ in keys_of(part)} <= {key for _, key, _ in keys_of(whole)}


def test_reports_are_begun_without_what_takes_time_to_import(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYDANTIC], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("run", "sweep", "trace", "exposure", "diff", "audit"):
        said = json.loads((tmp_path / f"{name}.json").read_text())
        assert (said["exit_code"], said["interrupted"]) == (3, True)
        assert "did not finish" in said["problems"][0]


def test_what_is_written_already_stays_as_it_is() -> None:
    document: dict[str, object] = {"any": "thing"}
    assert written(Run, document) is document
