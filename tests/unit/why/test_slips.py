"""One end of a packet taken for the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.denied import denied
from lab.why.meant_to_stop import meant_to_stop
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, listing, saved, table, told, way

DNAT = table("-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20:8443", name="nat", policies="ACCEPT")
TURNED = SYN._replace(destination="10.0.2.20", dport=8443)


@pytest.mark.parametrize(("rule", "ask"), [
    ("-i lan -p tcp -m tcp --sport 443", "the port that it goes to, `--dport 443`"),
    ("-i lan -p tcp -m multiport --sports 80,443", "the port that it goes to, `--dport 443`"),
    ("-s 10.0.2.10/32 -p tcp", "the address that it goes to, `-d 10.0.2.10`"),
    ("-d 10.0.1.10/32 -p tcp", "the address that it comes from, `-s 10.0.1.10`"),
])  # fmt: skip
def test_the_other_end(rule: str, ask: str) -> None:
    chains = saved(table(f"-A FORWARD {rule} -j ACCEPT"))
    (hint,) = told(denied, failed(chains, way(chains, "filter:FORWARD:policy drop")))
    assert hint.startswith("gateway filter:FORWARD:1 ")
    assert hint.endswith(f": let it ask for {ask}")


def test_native_words() -> None:
    for rule, ask in (("ip saddr 10.0.2.10", "`ip daddr 10.0.2.10`"), ("tcp sport 443", "`tcp dport 443`")):
        chains = listing(f"f type filter hook forward priority 0; policy drop;\n{rule} accept")
        (hint,) = told(denied, failed(chains, way(chains, "inet/t:f:policy drop")))
        assert ask in hint


@pytest.mark.parametrize("rule", [
    "-p tcp -m tcp --sport 1:1023", "-s 10.0.2.0/24 -p tcp", "! -s 10.0.1.0/24 -p tcp", "-p tcp -m tcp --sport 444",
    "-p udp -m udp --sport 443", "-s 10.0.2.11/32 -p tcp", "! -s 10.0.1.10/32 -p tcp",
])  # fmt: skip
def test_what_was_not_confused(rule: str) -> None:
    chains = saved(table(f"-A FORWARD {rule.replace('1:1023', '1:32767')} -j ACCEPT"))
    assert "let it ask for" not in "".join(told(denied, failed(chains, way(chains, "filter:FORWARD:policy drop"))))


@pytest.mark.parametrize(("port", "said"), [(8443, True), (80, False)])
def test_the_port_before_the_translation(port: int, said: bool) -> None:
    spared = f"-A USERS -p tcp -m conntrack --ctorigdstport {port} --ctdir ORIGINAL -j RETURN"
    chains = saved(DNAT + table("-A FORWARD -j USERS", "-A FORWARD -p udp -j ACCEPT", spared, "-A USERS -j DROP"))
    path = way(
        chains, "nat:PREROUTING:1 accept", "filter:FORWARD:1 jump USERS", "filter:USERS:2 drop", heads=((1, TURNED),),
    )  # fmt: skip
    hints = [hint for hint in told(denied, failed(chains, path)) if "USERS:1" in hint]
    words = (
        f"send it back out of USERS, but wants `--ctorigdstport {port}`, and its connection is one to port 443: let it ask for "
        "the port before the translation, `--ctorigdstport 443`"
    )
    assert [hint.partition(" would ")[2] for hint in hints] == [words] * said


def test_a_return_of_another_chain_spares_nothing() -> None:
    chains = saved(table("-A FORWARD -j USERS", "-A FORWARD -j DROP", "-A USERS -p tcp -m tcp --sport 443 -j RETURN"))
    path = way(chains, "filter:FORWARD:1 jump USERS", "filter:USERS:end", "filter:FORWARD:2 drop")
    assert "USERS:1" not in "".join(told(denied, failed(chains, path)))


@pytest.mark.parametrize(("ban", "said"), [
    ("-s 10.0.1.10/32", True), ("-s 10.0.1.0/24", False), ("-s 10.0.1.11/32", False), ("-d 10.0.2.10/32", False),
])  # fmt: skip
def test_a_ban_of_this_sender_at_another_port(ban: str, said: bool) -> None:
    chains = saved(table(
        "-A FORWARD -p tcp -m multiport --dports 2222 -j BANS", "-A FORWARD -j ACCEPT", f"-A BANS {ban} -j REJECT",
    ))  # fmt: skip
    path = way(chains, "filter:FORWARD:2 accept", end=End.LEFT, exit=SYN)
    hints = told(meant_to_stop, failed(chains, path, action="deny", kind=Kind.ALLOWED))
    assert ["would reject it, but wants `--dports 2222`, and its port is 443" in hint for hint in hints] == [True] * said


def test_a_set_of_the_other_end() -> None:
    mends = ["the address that it comes from, `--match-set admins src`"]
    for asked, admin, ends in (("dst", "10.0.1.10", mends), ("src", "10.0.1.10", []), ("dst", "10.0.9.9", [])):
        chains = saved(table(f"-A FORWARD -p tcp -m tcp --dport 443 -m set --match-set admins {asked} -j ACCEPT"))
        case = replace(
            failed(chains, way(chains, "filter:FORWARD:policy drop")),
            ipsets={"gateway": f"create admins hash:ip family inet\nadd admins {admin}\n"},
        )
        assert [hint.partition(": let it ask for ")[2] for hint in told(denied, case) if ": let" in hint] == ends
