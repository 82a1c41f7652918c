"""Steps of a row as they are written: what each of them means, and what is wrong is told with its line before anything runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from lab.errors import InputError
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.expect.known import KNOWN
from lab.written.load import find_topology, load_matrix, load_topology, search_folders
from lab.written.steps.verbs import MOST_STEPS, VERBS, StepSpec

MATRIX = """
matrix: made
for: gateway
topology: edge
policies: {gateway: edge-gateway}
flows:
  - name: row
    from: office
    to: mirror
    service: SERVICE
    steps:
STEPS
"""

WRONG = """
- send: allow
  12:9: step 1: `send` needs a connection, and no step before it opens one
    put `open: allow` before it
- open: drop
- send: allow
  13:9: step 2: the `open` of step 1 is not to come through, and `send` needs a connection
    put another `open: allow` before it
- open: drop
- open: allow
- open: allow
  14:9: step 3: this session is open since step 2
    begin another one: `session: NAME` in its steps
- open: allow
- close: allow
- send: allow
  14:9: step 3: this session was closed in step 2: nothing of it is left for `send`
    begin another one: `session: NAME` in its steps
- open: allow
- reset: drop
- answer: allow
  14:9: step 3: this session was reset in step 2: nothing of it is left for `answer`
    begin another one: `session: NAME` in its steps
- open: allow
- send: {reject: tcp-reset}
- send: allow
  14:9: step 3: this session was reset by a rule in step 2: nothing of it is left for `send`
    begin another one: `session: NAME` in its steps
- open: allow
- {forget: gateway, session: b}
  13:9: step 2: no step before it has sent a packet that conntrack could know of
    put it behind `open` or `send`
- open: allow
- {send: allow, session: b}
  13:9: step 2: `send` needs a connection, and no step before it opens one
    put `open: allow` before it
- wait: 1s
  12:7: no step of these sends anything
    begin with open: allow
- open: allow
- wait: 40s
- wait: 30s
  12:7: its steps wait 70s together, and a row waits 60s at most
- open: allow
- wait: 61s
  13:15: `wait`: 61s is longer than a test may wait
    at most 60s
- open: allow
- load: {}
  13:15: `load`: it loads nothing
    write {NODE: POLICY}
- open: allow
- wait: ٣s
  13:15: `wait`: '٣s' is no time to wait
- open: allow
- wait: soon
  13:15: `wait`: 'soon' is no time to wait
    write 2s or 500ms
- open: allow
- wait: 2
  13:15: `wait`: '2' is no time to wait
    write 2s or 500ms
- open: allow
- forget: nobody
  13:17: there is no node 'nobody'
- open: allow
- load: {nobody: edge-gateway}
  13:24: there is no node 'nobody'
- open: allow
- {open: allow, send: allow}
  13:9: a step does one thing, and this one says open and send
    it is one of
- open: allow
- {session: b}
  13:9: a step without a verb
    it is one of open, send, answer, close, reset,
- open: allow
- {wait: 1s, session: b}
  13:9: `wait` is of no session
- open: {expect: allow, known: {until: "2027-01-01", ticket: x, why: later}}
  12:15: `open`: `known` is said of the row, and not of a step
- open: {expect: drop, arrives: {at: web}}
  12:15: `open`: `arrives` says what becomes of a flow that passes, but `expect` is drop
- open: allow
- reset: {expect: allow, from: gateway}
  13:38: `from`: 'gateway' is not one of 'client' or 'server'
- open: allow
- link: {node: gateway, interface: x, state: up}
  13:42: gateway has no interface 'x'
    it has wan, lan, dmz, mgmt
- open: allow
- link: {node: gateway, interface: wan, state: gone}
  13:54: `state`: 'gone' is not one of 'up' or 'down'
- open: allow
- route: {node: gateway}
  13:16: `route`: it does not say what to do
    write one of add: ROUTE
- open: allow
- route: {node: gateway, add: default via 10.66.0.1}
  13:37: node gateway: route 'default via 10.66.0.1': the gateway 10.66.0.1 is on none of its networks
- open: allow
- flow: {from: office, to: web, service: tcp/1-300, expect: drop}
  13:15: this flow is 300 packets, and a step asks 256 at most
    say what it must show alone
- open: allow
- flow: {from: office, to: 192.0.2.7, service: tcp/80, expect: drop}
  13:15: this flow has nothing to ask over IPv6, in which its row is asked
    say `family:` of the row
- open: allow
- flow: {from: office, to: nobody, service: tcp/80, expect: drop}
  13:34: there is no node or name 'nobody'
- open: allow
- flow: {from: office, to: web, service: icmp/echo-request, expect: drop, sport: 7}
  13:48: `sport` has no meaning for icmp/echo-request
"""


def cells(tmp_path: Path, *steps: str, service: str = "tcp/443", row: str = "", beside: str = "") -> tuple[Cell, ...]:
    """The cells of a row with these steps; the first is in line 12."""
    lines = [*(f"      - {step}" for step in steps), *([f"    {row}"] if row else []), beside]
    path = tmp_path / "made.yaml"
    path.write_text(MATRIX.replace("SERVICE", service).replace("STEPS", "\n".join(lines)))
    edge = find_topology("edge", search_folders(Path("matrices/any.yaml"), shipped=True))
    return expand(load_matrix(path), load_topology(edge))


def wrong(tmp_path: Path, *steps: str, service: str = "tcp/443", row: str = "") -> list[str]:
    """What is told of them: place in the file, what is wrong, how to mend it."""
    with pytest.raises(InputError) as error:
        cells(tmp_path, *steps, service=service, row=row)
    return [f"{one.where}".rpartition("made.yaml:")[2] + f": {one.what} / {one.mend}" for one in error.value.problems]


def test_steps_have_numbers_places_words_and_expectations(tmp_path: Path) -> None:
    four, six = cells(
        tmp_path, "open: allow", "{open: allow, session: b}", "{send: {expect: drop, v6: {expect: allow}}, session: b}",
        "reset: {expect: allow, from: server}", "{forget: [gateway, office], session: b}",
        "link: {node: gateway, interface: wan, state: down}", "route: {node: gateway, add: 10.66.0.0/16 via 10.0.1.10}",
        "flow: {from: [partner, world], to: web, service: udp/53, expect: drop}", "wait: 500ms",
        row='known: {until: "2027-01-01", ticket: T-1, why: later}',
    )  # fmt: skip
    assert [(step.number, step.words, step.where.line) for step in four.steps] == [
        (1, "open", 12), (2, "open", 13), (3, "send", 14), (4, "reset by the server", 15), (5, "forget gateway, office", 16),
        (6, "link gateway@wan down", 17), (7, "route add at gateway: 10.66.0.0/16 via 10.0.1.10", 18),
        (8, "flow partner,world -> web udp/53", 19), (9, "wait 0.5 s", 20),
    ]  # fmt: skip
    assert [[step.expect and step.expect.action for step in cell.steps[:3]] for cell in (four, six)] == [
        ["allow", "allow", "drop"], ["allow", "allow", "allow"],
    ]  # fmt: skip
    assert [step.session for step in four.steps[:3]] == ["", "b", "b"]
    assert [(cell.sender.node, cell.family) for cell in six.steps[7].said] == [("partner", 6), ("world", 6)]
    assert [step.alters for step in four.steps] == [False] * 5 + [True, True, False, False]
    assert four.expect.get(KNOWN) is not None, "what the row says of itself is the cell's"


@pytest.mark.parametrize("case", re.findall(r"(?:^- .*\n)+(?:^ +.*\n)+", WRONG, re.MULTILINE))
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, case: str) -> None:
    steps = re.findall(r"^- (.*)$", case, re.MULTILINE)
    place, *mend = re.findall(r"^ +(.*)$", case, re.MULTILINE)
    told = wrong(tmp_path, *steps)
    assert any(one.startswith(" / ".join([place, *mend])) for one in told), told


def test_what_a_service_has_not_is_told(tmp_path: Path) -> None:
    assert wrong(tmp_path, "answer: allow", service="udp/53")[0].startswith(
        "12:9: step 1: no step before it has sent anything that arrives and could be answered / put `send: allow` before it"
    )
    (told,) = wrong(tmp_path, "open: allow", service="udp/53")
    assert "udp/53 has no connection: it begins with `send`, and is not closed" in told
    assert "is 2 ports" in wrong(tmp_path, "open: allow", service="tcp/80-81")[0]


def test_a_port_of_the_row_is_one_session_s_at_a_time(tmp_path: Path) -> None:
    two = "open: allow", "{open: allow, session: b}"
    told = "13:9: step 2: it begins a session beside that of step 1, and all of the row's come from port 999 / take `sport` out"
    assert wrong(tmp_path, *two, row="sport: 999")[0].startswith(told)
    assert cells(tmp_path, "open: allow", "close: allow", "{open: allow, session: b}", row="sport: 999")


def test_a_row_has_so_many_steps(tmp_path: Path) -> None:
    assert cells(tmp_path, "open: allow", *["send: allow"] * (MOST_STEPS - 1))
    assert f"65 steps, and a row has {MOST_STEPS} at most" in wrong(tmp_path, "open: allow", *["send: allow"] * MOST_STEPS)[0]


def test_rows_contradict_each_other_in_what_meets_the_lab_as_it_stands(tmp_path: Path) -> None:
    beside = "\n  - {name: other, from: office, to: mirror, service: tcp/443, expect: drop}"
    loads = "load: {gateway: edge-gateway}"
    assert cells(tmp_path, loads, "open: allow", beside=beside)
    with pytest.raises(InputError, match="row 'other' expects drop, but row 'row' in line 7 expects allow"):
        cells(tmp_path, "open: allow", loads, beside=beside)


def test_the_schema_of_a_step_has_every_verb() -> None:
    schema = json.dumps(TypeAdapter(StepSpec).json_schema(by_alias=True))
    assert all(f'"{verb.name}":' in schema for verb in VERBS)
