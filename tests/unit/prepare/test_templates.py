"""Templates are rendered in a process of their own, which a hostile one may bring down without harm to anything else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare import templates as module
from lab.prepare.templates import Templates
from lab.written.policy import EnvVar, Piped, PolicyFiles

RULES = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"


@pytest.fixture
def templates() -> Iterator[Templates]:
    with Templates() as one:
        yield one


def policy(folder: Path, text: str, **more: object) -> PolicyFiles:
    folder = folder / "policies"
    folder.mkdir(exist_ok=True)
    (folder / "edge.rules.j2").write_text(text)
    return PolicyFiles("edge", folder, v4=folder / "edge.rules.j2", **more)  # type: ignore[arg-type]


def refused(templates: Templates, files: PolicyFiles, topology: Mapping[str, object] | None = None) -> str:
    with pytest.raises(InputError) as error:
        templates.render(files, topology or {})
    return str(error.value)


def test_what_a_policy_is_given_and_where_its_lines_stand(templates: Templates, tmp_path: Path) -> None:
    files = policy(tmp_path, "# {{ a }} {{ b }} {{ HOME }}\n# {{ topology.nodes | join(',') }}\n# {{ '\\ud800' | length }} ü\n")
    (files.folder / "vars.yaml").write_text("a: 010\nb: 2027-01-31\n")
    given = (files.folder / "vars.yaml", {"b": "later"}, EnvVar("HOME"))
    text = templates.render(policy(tmp_path, files.files()["v4"].read_text(), vars=given), {"nodes": ["x", "y"]})["v4"]
    assert text.text == f"# 10 later {os.environ['HOME']}\n# x,y\n# 1 ü\n"
    assert text.sources == tuple(f"policies/edge.rules.j2:{line}" for line in (1, 2, 3))
    assert text.file == "policies/edge.rules.j2"


def test_a_policy_without_templates_needs_no_process(templates: Templates, tmp_path: Path) -> None:
    (tmp_path / "edge.rules").write_text(RULES)
    assert templates.render(PolicyFiles("edge", tmp_path, v4=tmp_path / "edge.rules"), {})["v4"].text == RULES
    assert templates._process is None


def test_what_came_by_a_pipe_is_no_template_and_stands_beside_files_of_others(templates: Templates, tmp_path: Path) -> None:
    written = {"policies/edge.rules6": RULES, "policies/vars.yaml": "a: 1\n", "new/edge.ipset.j2": "# {{ a }}\n"}
    for place, text in written.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)
    policies, new = tmp_path / "policies", tmp_path / "new"
    own = PolicyFiles("edge", policies, v4=policies / "edge.rules", v6=policies / "edge.rules6", vars=(policies / "vars.yaml",))
    sets = PolicyFiles("edge", new, ipset=new / "edge.ipset.j2").replacing(own)
    came = PolicyFiles("<standard input>", Path(), v4=Piped("v4", "# {{ a }}\n", "<standard input>")).replacing(sets)
    texts = templates.render(came, {})
    assert {kind: text.text for kind, text in texts.items()} == {"v4": "# {{ a }}\n", "v6": RULES, "ipset": "# 1\n"}
    assert texts["v4"].sources == ("<standard input>:1",)
    (policies / "edge.rules6").rename(new / "edge.rules6")
    (policies / "edge.ipset").write_text("")
    sets_alone = PolicyFiles("edge", policies, ipset=policies / "edge.ipset")
    plain = PolicyFiles("new", new, v6=new / "edge.rules6").replacing(sets_alone)
    assert {kind: text.text for kind, text in templates.render(plain, {}).items()} == {"v6": RULES, "ipset": ""}
    assert PolicyFiles("new", new, v6=new / "edge.rules6").replacing(own).vars_folder == policies


def test_no_process_is_foreseen_where_no_template_lies(templates: Templates, tmp_path: Path) -> None:
    templates.foresee((tmp_path, tmp_path / "nowhere"))
    assert templates._process is None


def test_a_process_is_foreseen_where_a_template_lies(templates: Templates, tmp_path: Path) -> None:
    files = policy(tmp_path, RULES)
    templates.foresee((tmp_path, files.folder))
    begun = templates._process
    assert begun is not None
    assert templates.render(files, {})["v4"].text == RULES
    assert templates._process is begun


def test_problems_come_back_with_their_places(templates: Templates, tmp_path: Path) -> None:
    told = refused(templates, policy(tmp_path, "\n{{ missing }}\n"))
    assert told.startswith("policies/edge.rules.j2:2: the template uses a variable that is not given")
    files = policy(tmp_path, RULES, vars=(tmp_path / "policies" / "no.yaml", EnvVar("LAB_NOT_THERE")))
    told = refused(templates, files)
    assert "no.yaml: there is no such file" in told
    assert "LAB_NOT_THERE" in told


CRASH = (
    "{% set ns = namespace(x=()) %}{% for i in range(2) %}{% for i in range(100000) %}{% set ns.x = (ns.x,) %}"
    "{% endfor %}{% endfor %}{{ {ns.x: 1}['a'] }}"
)
EQUAL = (
    "{% set a = namespace(x=[]) %}{% set b = namespace(x=[]) %}{% for i in range(60) %}"
    "{% set a.x = [a.x, a.x] %}{% set b.x = [b.x, b.x] %}{% endfor %}{{ a.x == b.x }}"
)
GROWING = (
    "{% set ns = namespace(x=[]) %}{% for i in range(200) %}{% set ns.x = [ns.x, range(10**9, 10**9 + 99999)|list] %}"
    "{% endfor %}"
)
DEADLY = {
    "it crashes Python": (CRASH, "makes Python itself fail"),
    "one operation without end": (EQUAL, "more time"),
    "memory without end": (GROWING, "memory"),
}


@pytest.mark.parametrize(("text", "words"), DEADLY.values(), ids=DEADLY.keys())
def test_a_deadly_template_is_told_and_the_next_one_rendered(
    templates: Templates, tmp_path: Path, text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WASTED_S", 1000.0)
    monkeypatch.setattr(module, "SECONDS", 1 if text == EQUAL else 7)
    told = refused(templates, policy(tmp_path, text))
    assert told.startswith("policies/edge.rules.j2")
    assert words in told
    assert templates.render(policy(tmp_path, RULES), {})["v4"].text == RULES


def test_many_that_take_long_are_not_all_waited_for(
    templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WASTED_S", 0.0)
    refused(templates, policy(tmp_path, "{{ missing }}"))
    assert "is not rendered any more" in refused(templates, policy(tmp_path, RULES))


def test_a_process_that_says_nothing_is_not_waited_for(
    templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_S", 0.3)
    monkeypatch.setattr(module, "_PROGRAM", "import signal; signal.pause()")
    began = time.monotonic()
    assert "was not done within 0.3 s" in refused(templates, policy(tmp_path, RULES))
    assert time.monotonic() - began < 30


def test_it_finds_no_secret_and_writes_no_file(templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TEST_SECRET", "s3cret")
    templates.render(policy(tmp_path, RULES), {})
    assert templates._process is not None
    process = Path("/proc", str(templates._process.popen.pid))
    assert b"s3cret" not in process.joinpath("environ").read_bytes()
    limits = process.joinpath("limits").read_text()
    assert "Max file size             0 " in limits
    assert process.joinpath("status").read_text().split("NoNewPrivs:")[1].split()[0] == "1"


def test_it_dies_with_the_lab(tmp_path: Path) -> None:
    policy(tmp_path, RULES)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        templates = Templates()
        folder = tmp_path / "policies"
        templates.render(PolicyFiles("edge", folder, v4=folder / "edge.rules.j2"), {})
        assert templates._process is not None
        os.write(theirs, str(templates._process.popen.pid).encode())
        signal.pause()
        os._exit(0)
    process = os.pidfd_open(int(os.read(ours, 20)))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    import select

    assert select.select([process], [], [], 30)[0]
    for descriptor in (process, ours, theirs):
        os.close(descriptor)
