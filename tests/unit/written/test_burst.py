"""What a row says of a burst, and what it may not say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lab.errors import InputError
from lab.written.burst import MOST_SENT
from lab.written.cell import Again, Cell
from lab.written.cells import expand
from lab.written.expect.rule import RULE
from lab.written.matrix import Default, Matrix
from lab.written.topology import Topology
from tests.kernel.bursting import SECOND, STAGE

BURST: dict[str, Any] = {"send": 20, "pass": {"min": 5, "max": 6}}


def matrix(burst: Any, **keys: Any) -> Matrix:
    row = {"name": "limited", "from": "other", "to": "server", "service": "tcp/22", "burst": burst, **keys}
    written = {"matrix": "made", "for": "gateway", "topology": "doorway", "policies": {"gateway": "it"}, "flows": [row]}
    return Matrix.model_validate(written)


def cells(burst: Any, **keys: Any) -> tuple[Cell, ...]:
    return expand(matrix(burst, **keys), Topology.model_validate(STAGE))


def told(burst: Any, **keys: Any) -> str:
    """What is wrong with it."""
    with pytest.raises((ValidationError, InputError)) as error:
        cells(burst, **keys)
    return str(error.value)


def test_what_is_meant() -> None:
    rest = {"expect": {"reject": "tcp-reset"}, "rule": "too-fast"}
    v4, v6 = cells({**BURST, "rest": rest, "again": {"after": "2s", "pass": 1}})
    burst = v4.burst
    assert burst is not None
    assert (burst.send, burst.least, burst.most, v4.expect.action, v4.plain) == (20, 5, 6, "allow", True)
    assert (burst.rest.action, burst.rest.reject_with, burst.rest.get(RULE)) == ("reject", "tcp-reset", "too-fast")
    assert (burst.again, burst.open, burst.together) == (Again(2.0, 1, 1), False, False)
    assert [sender.address for sender in burst.senders] == ["10.0.1.20"]
    assert v6.family == 6


def test_the_short_forms() -> None:
    (v4,) = cells({"send": 3, "pass": 2, "rest": {"reject": "tcp-reset"}, "from": SECOND[4]}, family=4)
    burst = v4.burst
    assert burst is not None
    assert (burst.least, burst.most, burst.rest.reject_with) == (2, 2, "tcp-reset")
    assert [sender.address for sender in burst.senders] == ["10.0.1.20", SECOND[4]]
    plain = cells({"send": 3, "pass": 2})[0].burst
    assert plain is not None
    assert plain.rest.action == "deny"


def test_the_default_leaves_a_limited_port_alone() -> None:
    default = {"expect": "drop", "between": ["other", "server"], "services": "tcp/21-23", "family": 4}
    whole = matrix(BURST).model_copy(update={"default": Default.model_validate(default)})
    asked = [cell.service.ports for cell in expand(whole, Topology.model_validate(STAGE), [4]) if cell.row == "default"]
    assert ((21, 21), (23, 23)) in asked


@pytest.mark.parametrize(
    ("burst", "keys", "words"),
    [
        (3, {}, "Input should be a valid dictionary"),
        ({"send": 20}, {}, "pass"),
        ({"send": 0, "pass": 1}, {}, "0 packets cannot be sent: 1 to 1,000"),
        ({"send": True, "pass": 1}, {}, "True is not a number of packets"),
        ({"send": MOST_SENT + 1, "pass": 1}, {}, "packets cannot be sent"),
        ({"send": 5, "pass": 6}, {}, "6 of 5 packets cannot pass"),
        ({"send": 5, "pass": 0}, {}, "a burst of which nothing may pass is a row that expects a deny"),
        ({"send": 5, "pass": {"max": 3}}, {}, "min"),
        ({"send": 5, "pass": {"min": 3, "max": 2}}, {}, "between 3 and 2 packets cannot pass"),
        ({"send": 5, "pass": "all"}, {}, "'all' is not how many pass: write 5, or {min: 5, max: 6}"),
        ({**BURST, "rest": "dorp"}, {}, "'dorp' cannot be expected"),
        ({**BURST, "rest": "allow"}, {}, "what does not pass is denied"),
        ({**BURST, "rest": {"expect": "drop", "arrives": {"at": "server"}}}, {}, "`arrives` says what becomes"),
        ({**BURST, "from": "nobody"}, {}, "'nobody'"),
        ({**BURST, "from": SECOND[4]}, {}, f"none of {SECOND[4]} sends over IPv6, and the row has IPv6 cells"),
        ({**BURST, "again": {"after": "2m", "pass": 1}}, {}, "'2m' is no time to wait"),
        ({**BURST, "again": {"after": "2s", "pass": 5}, "together": True}, {}, "no meaning with `together`"),
        ({"send": 600, "pass": 5, "from": "client"}, {"family": 4}, "1,800 packets of one burst are too many"),
        (BURST, {"service": "tcp/1-100"}, "a burst to 100 ports is more than 1,000 packets"),
        (BURST, {"expect": "allow"}, "`expect` and `burst` cannot both be said"),
        (BURST, {"by": "rp_filter"}, "it is expected of those of the burst that pass"),
        (BURST, {"v4": {"expect": "drop"}}, "`expect` and `burst` are of different rows"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(burst: Any, keys: dict[str, Any], words: str) -> None:
    assert words in told(burst, **keys)
