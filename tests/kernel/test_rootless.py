"""An ordinary user sees what root sees: the same verdicts by the same rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.kernel.ground.privileges import ROOTLESS

pytestmark = pytest.mark.kernel

CHECKOUT = Path(__file__).resolve().parents[2]
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
NEEDED = ("lab", "topologies", "policies", "matrices", "drills")
MATRIX = "matrices/mail-gateway.yaml"
DRILL = "drills/letter-from-a-cert.yaml"
MAIN = "from lab.cli.main import main; main()"
SAME = ("id", "expected", "verdict", "result", "rule", "decided")


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Path]:
    """A folder that every user may read and write."""
    with tempfile.TemporaryDirectory(prefix="lab-rootless-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def environment(code: Path, packages: str, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join((str(code), packages)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def interpreters() -> Iterator[str]:
    """This interpreter, and the system's of the same version: one's own may lie where only one may go."""
    yield sys.executable
    for folder in ("/usr/local/bin", "/usr/bin"):
        yield f"{folder}/python{sys.version_info.major}.{sys.version_info.minor}"


def runs(
    argv: Sequence[str], surroundings: Mapping[str, str], folder: Path, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, env=surroundings, cwd=folder, input=given, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def nobody(open_to_all: Path) -> tuple[list[str], dict[str, str], Path]:
    """How an ordinary user starts this very code: the words before ``-c``, the environment, the folder."""
    if os.geteuid() != 0 or ROOTLESS in os.environ:
        pytest.skip("only root can become another user to compare with")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not on this machine")
    may = subprocess.run([*AS_NOBODY, "unshare", "--user", "--net", "true"], capture_output=True, text=True, check=False)
    if may.returncode != 0:
        pytest.skip(f"ordinary users may not make user namespaces here: {may.stderr.strip()}")
    packages, code = sysconfig.get_path("purelib"), CHECKOUT
    readable = [*AS_NOBODY, "test", "-r", str(CHECKOUT / MATRIX), "-a", "-r", f"{packages}/pydantic/__init__.py"]
    if subprocess.run(readable, check=False).returncode != 0:
        code = open_to_all / "code"
        for name in NEEDED:
            shutil.copytree(CHECKOUT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
        packages = str(shutil.copytree(packages, open_to_all / "packages", ignore=shutil.ignore_patterns("__pycache__")))
        (open_to_all / "packages").chmod(0o755)
    surroundings = environment(code, packages, open_to_all)
    for interpreter in interpreters():
        words = [*AS_NOBODY, interpreter]
        if shutil.which(interpreter) and runs([*words, "-c", "import lab.cli.main"], surroundings, code).returncode == 0:
            return words, surroundings, code
    pytest.skip("no interpreter that another user may start can import the lab")


def results(done: subprocess.CompletedProcess[str], file: Path) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_the_same_verdicts_by_the_same_rules(
    nobody: tuple[list[str], dict[str, str], Path], open_to_all: Path
) -> None:
    words, surroundings, code = nobody
    theirs, ours = open_to_all / "nobody.json", open_to_all / "root.json"
    ordinary = results(runs([*words, "-c", MAIN, "run", MATRIX, "--json", str(theirs)], surroundings, code), theirs)
    as_root = [sys.executable, "-c", MAIN, "run", MATRIX, "--json", str(ours)]
    root = results(runs(as_root, environment(CHECKOUT, "", open_to_all), CHECKOUT), ours)
    assert (ordinary["machine"]["rootless"], root["machine"]["rootless"]) == (True, False)
    assert ordinary["summary"]["cells"] == root["summary"]["cells"] > 100
    for one, other in zip(ordinary["cells"], root["cells"], strict=True):
        assert {key: one[key] for key in SAME} == {key: other[key] for key in SAME}
        assert (one["conntrack"] or {}).get("status") == (other["conntrack"] or {}).get("status")


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [(("--mark", "7"), 0, "drop-rest"), (("--uid", "0"), 0, "drop-rest"), (("--uid", "1000"), 4, "sent here as user 1000")],
)
def test_a_mark_can_be_sent_and_another_user_cannot(
    nobody: tuple[list[str], dict[str, str], Path], said: Sequence[str], code: int, words: str
) -> None:
    start, surroundings, folder = nobody
    asked = ["trace", "office", "gateway", "icmp/echo-request", "--matrix", MATRIX, *said]
    done = runs([*start, "-c", MAIN, *asked], surroundings, folder)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr


WORLDS = """
from lab.kernel.ground.privileges import enter
enter()
from lab.kernel.ground.namespace import Home
from lab.kernel.stage.door import run_at
from lab.kernel.stage.node import Node
from lab.kernel.stage.world import Furniture, make_doors, start_world
doors = make_doors()
start_world(Node("alone", Home()), doors, Furniture("office"))
for words in ("hostname", "id -u", "iptables -S INPUT", "touch /usr/x", "ip netns exec alone true"):
    done = run_at(str(doors / "alone"), words.split())
    print(done.code, done.out.decode().strip())
"""


def test_a_world(nobody: tuple[list[str], dict[str, str], Path]) -> None:
    words, surroundings, code = nobody
    done = runs([*words, "-c", WORLDS], surroundings, code)
    assert done.stdout.splitlines() == ["0 alone", "0 0", "0 -P INPUT ACCEPT", "1 ", "0 "], done.stdout + done.stderr


def test_a_drill_is_what_it_says(nobody: tuple[list[str], dict[str, str], Path]) -> None:
    words, surroundings, code = nobody
    done = runs([*words, "-c", MAIN, "drill", "verify", DRILL, "--seed", "1", "--json"], surroundings, code)
    told = json.loads(done.stdout)
    assert not [proof for proof in told["proofs"] if not proof["holds"]]
    assert (told["holds"], told["problem"], done.returncode) == (True, "", 0)


def test_who_may_not_make_namespaces_is_told_so(nobody: tuple[list[str], dict[str, str], Path]) -> None:
    words, surroundings, code = nobody
    ask = "from lab.kernel.ground.privileges import require; require()"
    done = runs([*words, "-c", ask], surroundings, code)
    assert done.returncode != 0
    assert "lab pytest" in done.stderr


def test_a_bridge_with_bridge_netfilter(
    nobody: tuple[list[str], dict[str, str], Path], open_to_all: Path
) -> None:
    words, surroundings, code = nobody
    written = json.dumps({
        "topology": "bridged", "networks": {"lan": "10.8.0.0/24"},
        "nodes": {
            "host": {"role": "host", "interfaces": {"br0": {
                "network": "lan", "address": "10.8.0.2", "bridge": ["tap1", "tap2"], "bridge-nf": True,
            }}},
            "one": {"role": "guest", "interfaces": {"lan": "10.8.0.21"}},
            "two": {"role": "guest", "interfaces": {"lan": "10.8.0.22"}},
        },
    })  # fmt: skip
    (open_to_all / "bridged.yaml").write_text(written)
    (open_to_all / "host.rules").write_text("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n")
    asked = ["--topology", str(open_to_all / "bridged.yaml"), "--policy", f"host={open_to_all / 'host.rules'}"]
    done = runs([*words, "-c", MAIN, "trace", "one", "two", "tcp/22", *asked], surroundings, code)
    assert "host filter:FORWARD policy dropped it" in done.stdout, done.stdout + done.stderr
