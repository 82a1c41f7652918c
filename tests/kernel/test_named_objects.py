"""Rules that name timeout policies and accounts load, as the objects are there before them; on both backends."""

from __future__ import annotations

import errno

import pytest

from lab.errors import InputError, MachineError
from lab.kernel.hold import named_objects
from lab.lab import Lab
from lab.ruleset.named_objects import Account
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True
RAW = table("raw", "-A PREROUTING -p tcp -j CT --timeout patient", "-A PREROUTING -p udp -j CT --timeout hasty")
COUNTED = table(
    "filter", ESTABLISHED, "-A FORWARD -m nfacct --nfacct-name all",
    "-A FORWARD -p tcp --dport 443 -m nfacct --nfacct-name web -j ACCEPT", FORWARD="DROP",
)  # fmt: skip


def test_rules_that_name_objects_decide_as_without(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RAW + COUNTED)
    web = lab.probe("client", "server", "tcp/443")
    assert web.allowed
    assert web.rule is not None
    assert web.rule.text.split()[-4:] == ["--nfacct-name", "web", "-j", "ACCEPT"]
    assert lab.probe("client", "server", "udp/443").denied
    assert lab.probe("client", "server", "tcp/22").denied


def test_a_policy_with_objects_is_loaded_again_in_the_place_of_another(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=COUNTED)
    for _ in range(2):
        lab.load("gateway", rulesets(RAW + COUNTED))
        assert lab.probe("client", "server", "tcp/443").allowed


def test_a_timeout_policy_has_the_times_that_a_comment_says(lab_of: LabOf) -> None:
    said = "# nfct timeout add patient inet tcp established 777 close 5\n# nfct add timeout hasty inet udp unreplied 66\n"

    def left(lab: Lab) -> list[int]:
        verdicts = [lab.probe("client", "server", service) for service in ("tcp/443", "udp/53")]
        return [verdict.observation.conntrack[0].timeout_s for verdict in verdicts]

    lab = lab_of(corridor(), gateway=said + RAW)
    assert all(wanted - 5 < told <= wanted for wanted, told in zip((777, 66), left(lab), strict=True))
    lab.load("gateway", rulesets(said.replace("777", "888") + RAW))
    assert 883 < left(lab)[0] <= 888
    lab.load("gateway", rulesets(RAW))
    assert left(lab)[0] > 400_000, "without a comment they are the kernel's own"


def test_a_timeout_policy_of_another_protocol_is_refused_as_on_the_host(lab_of: LabOf) -> None:
    mixed = table("raw", "-A PREROUTING -p tcp -j CT --timeout one", "-A PREROUTING -p udp -j CT --timeout one")
    with pytest.raises(InputError, match=r"is of one family and protocol|refuses the table raw as a whole"):
        lab_of(corridor(), gateway=mixed)


def test_what_the_kernel_lacks_is_the_machines(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_objects, "_ACCT", 15 << 8)  # a subsystem that there is not
    with pytest.raises(MachineError, match=r"^this machine lacks accounting objects \(nfacct\): a rule names 'all'"):
        lab_of(corridor(), gateway=COUNTED)
    assert str(named_objects._lacking(Account("web", decides=False), errno.EPERM)).count("Operation not permitted") == 1
