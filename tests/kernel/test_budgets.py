"""What a memory bears is what the kernel has it bear: so many packets fare as the first, and one more fares otherwise."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rendered, table, topology

pytestmark = pytest.mark.kernel

TO = "-A FORWARD -p udp -m udp --dport 53"
HASH = "-m hashlimit --hashlimit-name dns --hashlimit-mode"
SAVED = {
    "limit": ([f"{TO} -m limit --limit 6/hour --limit-burst 4 -j ACCEPT"], 4),
    "limit of its own burst": ([f"{TO} -m limit --limit 6/hour -j ACCEPT"], 5),
    "limit in a chain": ([f"{TO} -j calm", "-A calm -m limit --limit 6/hour --limit-burst 3 -j ACCEPT"], 3),
    "hashlimit": ([f"{TO} {HASH} srcip --hashlimit-upto 6/hour --hashlimit-burst 4 -j ACCEPT"], 4),
    "hashlimit above": ([f"{TO} {HASH} dstport --hashlimit-above 6/hour --hashlimit-burst 4 -j DROP", f"{TO} -j ACCEPT"], 4),
    "recent": ([f"{TO} -m recent --name dns --set", f"{TO} -m recent --name dns --update --seconds 3600 --hitcount 4 -j DROP",
                f"{TO} -j ACCEPT"], 3),
    "nth": ([f"{TO} -m statistic --mode nth --every 2 --packet 0 -j ACCEPT"], 1),
}  # fmt: skip
NATIVE = {
    "limit": ("udp dport 53 limit rate 6/hour burst 4 packets accept", 4),
    "limit of its own burst": ("udp dport 53 limit rate 6/hour accept", 5),
    "limit over": ("udp dport 53 limit rate over 6/hour burst 4 packets drop; udp dport 53 accept", 4),
    "element": ("udp dport 53 add @seen { ip saddr limit rate 6/hour burst 3 packets } accept", 3),
    "numgen": ("udp dport 53 numgen inc mod 2 0 accept", 1),
}
SCRIPT = """table ip counting {{
    set seen {{ type ipv4_addr; flags dynamic; size 100; }}
    chain forward {{
        type filter hook forward priority filter; policy drop
        ct state established,related accept
        {rules}
    }}
}}
"""


def fares(lab: Lab, times: int) -> list[str]:
    """How so many questions fare in the state that those before them left behind."""
    return [str(lab.probe("client", "server", "udp/53", as_first=False).kind) for _ in range(times)]


def budget(lab: Lab) -> int:
    """What the memory of the gateway bears."""
    memories = lab.site.held.memories
    (memory,) = memories.all
    return memories.budget_of(memory)


@pytest.mark.parametrize(("rules", "bears"), SAVED.values(), ids=SAVED)
def test_rules_of_iptables(lab_of: LabOf, rules: list[str], bears: int) -> None:
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, *rules, FORWARD="DROP", calm="-"))
    assert (budget(lab), fares(lab, bears + 1)) == (bears, ["allowed"] * bears + ["dropped"])


@pytest.mark.parametrize(("rules", "bears"), NATIVE.values(), ids=NATIVE)
def test_native_rules(rules: str, bears: int) -> None:
    script = rendered(SCRIPT.format(rules=rules.replace("; ", "\n        ")), "gateway.nft")
    with Lab(topology(corridor()), {"gateway": Rulesets(nft=script)}) as lab:
        assert (budget(lab), fares(lab, bears + 1)) == (bears, ["allowed"] * bears + ["dropped"])


def test_a_list_that_is_asked_before_it_is_written_bears_one_more(lab_of: LabOf) -> None:
    rules = (f"{TO} -m recent --name dns --rcheck --hitcount 3 -j DROP", f"{TO} -m recent --name dns --set -j ACCEPT")
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, *rules, FORWARD="DROP"))
    assert (budget(lab), fares(lab, 4)) == (2, ["allowed"] * 3 + ["dropped"])


def test_a_bucket_that_takes_longer_than_a_day_to_fill_is_trusted_with_one(lab_of: LabOf) -> None:
    """The kernel's credits overflow there: this burst of 50 lets 12 through."""
    slow = f"{TO} {HASH} srcip --hashlimit-upto 1/hour --hashlimit-burst 50 -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, slow, FORWARD="DROP"))
    assert (budget(lab), fares(lab, 50).count("allowed") < 50) == (1, True)
