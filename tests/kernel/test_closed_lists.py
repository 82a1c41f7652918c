"""Closed lists against the tools themselves: what has a tool do more than make rules, sets and tables is refused before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lab.errors import InputError
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.tools import run
from lab.kernel.hold.kinds import restore
from lab.ruleset.backend import Backend
from lab.ruleset.closed_lists import not_data
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import corridor, rendered, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True
OUT_OF_LIST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# getopt does with -V and -h what it does with -M: those two are seen from outside.
RULE = st.lists(st.sampled_from([
    "-A INPUT", "-V", "-h", "--ver", "--he", '"', "\\", " ", " ", "-", "f", "v", "V", "-s", "-p tcp", "-m comment --comment",
    "=", "-j LOG --log-prefix", "[1:2]", "[", "]", "x", "\f", "\t", "!", "-c", "--string", "--",
]), max_size=9).map("".join)  # fmt: skip
SET = st.lists(st.sampled_from([
    "add a 192.0.2.1", "save", "list", "l", "s", "-L", "-S", "--", "-", '"', " ", " ", "\t", "\v", "\r", "-exist", "-o", "a",
    "comment", "#", "-file", "/lab-was-here",
]), max_size=8).map("".join)  # fmt: skip
SCRIPT = st.lists(st.sampled_from([
    "list ruleset", "list tables", "table ip a", "{", "}", "\n", ";", "#", '"', "\\\n", " ", "x", "comment", "define y = 1",
    "add chain ip a c", "chain c", "list", "ruleset", "reset", "describe ip saddr",
]), max_size=10).map("".join)  # fmt: skip


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    home = Home()
    made = Namespace(home)
    yield made
    made.close()
    home.close()


def does_more(namespace: Namespace, kind: str, text: str, backend: Backend = Backend.NFT) -> bool:
    """Whether the tool prints something else than why it refuses the text, or tries to write a file."""
    done = run(namespace, restore(kind, backend), text)
    return done.out != "" or ("lab-was-here" in done.err and "for writing" in done.err)


@example(line='-A INPUT "-V"')
@example(line="-A INPUT -p tcp -fV")
@given(line=RULE)
@OUT_OF_LIST
def test_lines_of_rules(namespace: Namespace, backend: Backend, line: str) -> None:
    text = f"*filter\n-A INPUT -j DROP\n{line}\nCOMMIT\n"
    if does_more(namespace, "v4", text, backend):
        assert not_data("v4", rendered(text))


@example(line="save -file /lab-was-here")
@example(line='add a 192.0.2.1 ""-file /lab-was-here')
@given(line=SET)
@OUT_OF_LIST
def test_lines_of_sets(namespace: Namespace, line: str) -> None:
    text = f"create -exist a hash:ip comment\nadd -exist a 192.0.2.9\n{line}\n"
    if does_more(namespace, "ipset", text):
        assert not_data("ipset", rendered(text))
    assert not Path("/lab-was-here").exists()


@example(text='table ip a { comment "}" ; }; list ruleset\n')
@given(text=SCRIPT.map("{}\n".format))
@OUT_OF_LIST
def test_scripts(namespace: Namespace, text: str) -> None:
    text = f"table ip b {{ }}\n{text}"
    if does_more(namespace, "nft", text):
        assert not_data("nft", rendered(text))


REFUSED = {
    "ipset": Rulesets(ipset=rendered("create a hash:ip\nsave -file /lab-was-here\n", "gateway.ipset")),
    "v4": Rulesets(v4=rendered(table("filter", "-A INPUT --mod /lab-was-here -j DROP"))),
    "v6": Rulesets(v6=rendered(table("filter", "-A INPUT -fM /lab-was-here -j DROP"), "gateway.rules6")),
    "copy": Rulesets(v4=rendered(table("filter", "-I INPUT -c 1 -s -M /lab-was-here -j DROP"))),
    "nft": Rulesets(nft=rendered("table ip a {\n}\nmonitor\n", "gateway.nft")),
    "include": Rulesets(nft=rendered('include "/etc/passwd"\n', "gateway.nft")),
}
PLACES = {"ipset": "gateway.ipset:2", "v6": "gateway.rules6:5", "nft": "gateway.nft:3", "include": "gateway.nft:1"}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_lab_of_the_python_interface_loads_none_of_it(lab_of: LabOf, backend: Backend, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        lab_of(corridor(), gateway=REFUSED[kind])
    (problem,) = caught.value.problems
    assert str(problem.where) == PLACES.get(kind, "gateway.rules:5")
    assert problem.mend.startswith(("take it out", "put the file's text")), "the list refuses it, not the tool"
