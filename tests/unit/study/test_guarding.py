"""Which changes can be guarded, and after which commands an apply is killed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab.errors import InputError
from lab.prepare.sides import Sides
from lab.ruleset.backend import Backend
from lab.study.guarding.prepared import guarded
from lab.study.guarding.trials import MOST_KILLS, killed_after
from lab.written.change import Change

NOBODY = cast("Sides", None)  # whose rules change is asked for later


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (None, "CHG-7 does not say how it is made"),
        ({"apply": "restore"}, "CHG-7 does not say when the rules of before come back"),
        ({"rollback-after": "5m", "apply": "boot"}, "a host that starts has no rules of before to go back to"),
        ({"rollback-after": "5m", "apply": {"run": ["/opt/x"]}}, "the command '/opt/x', which was not allowed"),
    ],
)
def test_what_cannot_be_guarded_is_told(window: dict[str, Any] | None, told: str) -> None:
    change = Change.model_validate(
        {"change": "CHG-7", "topology": "small", "old": {"gw": "a"}, "new": {"gw": "b"}, "window": window}
    )
    with pytest.raises(InputError) as raised:
        guarded(change, NOBODY, Backend.NFT, allow_commands=False)
    assert told in str(raised.value)


def test_an_apply_of_few_commands_is_killed_after_each_and_of_many_after_some() -> None:
    assert killed_after(3) == [0, 1, 2, 3]
    some = killed_after(1000)
    assert (some[0], some[-1], len(some)) == (0, 1000, MOST_KILLS + 1)
    assert some == sorted(set(some))
