"""The expressions of -k."""

from __future__ import annotations

import pytest

from lab.errors import InputError
from lab.prepare.expression import compile_expression

WEB = "edge::public web[world->web-vip tcp/443]"
DNS = "edge::dns[partner->resolver udp/53]"
SIX = "edge::public web[world->web-vip tcp/443/6]"


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("web", [WEB, SIX]), ("WEB", [WEB, SIX]), ("tcp/443]", [WEB]), ("not web", [DNS]), ("web and not /6", [WEB]),
        ("dns or /6", [DNS, SIX]), ("not (dns or /6)", [WEB]), ("not not dns", [DNS]), ("partner and udp", [DNS]),
        ("dns or web and /6", [DNS, SIX]), ("(dns or web) and /6", [SIX]), ("edge", [WEB, DNS, SIX]), ("nothing", []),
        ("world->web-vip", [WEB, SIX]), ("((dns))", [DNS]),
    ],
)  # fmt: skip
def test_what_is_selected(expression: str, selected: list[str]) -> None:
    matches = compile_expression(expression)
    assert [identity for identity in (WEB, DNS, SIX) if matches(identity)] == selected


@pytest.mark.parametrize("expression", ["", "  ", "and", "web and", "or web", "(web", "web)", "()", "web dns", "not", "not )"])
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InputError, match="is not an expression") as caught:
        compile_expression(expression)
    assert repr(expression) in str(caught.value)
    assert caught.value.problems[0].mend
