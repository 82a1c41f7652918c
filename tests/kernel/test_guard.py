"""The script for the real host, run by real shells in a lab that stays up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lab.kernel.hold.state import state_of
from lab.lab import Lab
from lab.probe.question import Handshake, Question
from lab.probe.session.shell import Console, How
from lab.ruleset.applying.command import Command
from lab.ruleset.applying.ways import commands
from lab.ruleset.backend import Backend
from lab.ruleset.guarding.script import guard_script
from lab.ruleset.rulesets import Rulesets
from lab.study.guarding import host as hosts
from lab.study.guarding.host import SCRIPT, AdminPath, GuardedHost
from lab.study.guarding.trials import Guarded, Trials
from lab.verdict.restored import left_over
from lab.written.change import Apply
from tests.kernel.scenes import CLIENT, NEAR, corridor, rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel

PORT = 2222
ANSWERS = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
SHELLS = f"-A INPUT -p tcp --dport {PORT} -j ACCEPT"
NATIVE = "table inet edge {{\n chain input {{\n  type filter hook input priority 0; policy drop\n{}\n }}\n}}\n"
TOPOLOGY = topology(corridor())
PATH = AdminPath(Question("client", CLIENT, NEAR, Handshake(PORT)), "gateway", PORT)


def iptables(*rules: str) -> Rulesets:
    return rulesets(table("filter", *rules, INPUT="DROP"))


def native(*rules: str) -> Rulesets:
    return Rulesets(nft=rendered(NATIVE.format("\n".join(rules))))


OLD = {"native": native("ct state established accept", f"tcp dport {PORT} accept")}
NEW = {"native": native("ct state established accept", f"ip saddr 10.0.1.0/24 tcp dport {PORT} accept # it's `$(id)`")}
IPTABLES_OLD = iptables(ANSWERS, SHELLS)
COMMENTED = '-m comment --comment "it\'s `$(id)`"'
IPTABLES_NEW = iptables(ANSWERS, f"-A INPUT -s 10.0.1.0/24 -p tcp --dport {PORT} {COMMENTED} -j ACCEPT")


def guarded(kind: str, how: str = "restore", new: Rulesets | None = None) -> Guarded:
    backend = Backend.LEGACY if kind == "legacy" else Backend.NFT
    old, new = OLD.get(kind, IPTABLES_OLD), new or NEW.get(kind, IPTABLES_NEW)
    made = commands(Apply(how), old, new, backend)
    return Guarded("CHG-7", TOPOLOGY, {"gateway": old}, "gateway", new, made, 60, backend)


@contextmanager
def playing(one: Guarded) -> Iterator[Trials]:
    with Lab(one.topology, one.policies, backend=one.backend) as lab:
        yield Trials(lab, one, PATH)


@pytest.mark.parametrize("kind", ["legacy", "native"])
def test_a_window_goes_as_the_script_says(kind: str) -> None:
    """As with nft's iptables, where `tests/doors/test_guard.py` has every way."""
    with playing(guarded(kind, "script")) as playing_:
        assert playing_.confirmed() == ""
        playing_.broken()
        playing_.killed_after(1)
        playing_.refused()


@pytest.mark.parametrize(
    ("rules", "own"),
    [((ANSWERS,), "goes on"), ((f"-A INPUT -p tcp --dport {PORT + 1} -j ACCEPT",), "is cut off")],
    ids=["a new one alone", "both"],
)
def test_who_is_locked_out_is_told_by_which_rule(rules: tuple[str, ...], own: str) -> None:
    one = guarded("nft", new=iptables(*rules))
    with Lab(one.topology, one.policies) as lab:
        first = next(Trials(lab, one, PATH).all())
        assert not first.passed
        assert first.what == (
            "you would be locked out: a new connection is dropped by gateway filter:INPUT policy, "
            f"and the session that applied it {own}"
        )
        assert lab.probe("client", "server", "tcp/80").allowed  # the lab is up


def test_a_command_that_goes_on_without_its_shell_is_ended_before_the_rules_come_back() -> None:
    slow = "mkfifo /run/slow; mkfifo /run/told; echo >/run/told; read -r _ </run/slow; iptables-nft -A INPUT -j DROP"
    one = replace(guarded("nft"), commands=(Command(("sh", "-c", slow)),))
    with playing(one) as playing_, Console(playing_.host.node) as admin:
        host = playing_.host
        admin.begin(f"sh {SCRIPT} apply")
        told = host.at_console(f"mkfifo /run/told; cat /run/told; cat {host.folder}/doing /run/netfilter-guard/turn.*").output
        running, shell = told.splitlines()[1].split()[0], told.splitlines()[2].split()[0]
        host.at_console(f"kill -KILL {shell}")
        assert host.at_console(f"kill -0 {running}").code == 0
        host.ring()
        assert host.at_console(f"kill -0 {running}").code == 1
        playing_._as_before()


def test_an_interrupted_apply_reverts_at_once() -> None:
    with playing(guarded("nft")) as playing_:
        ran = playing_.host.at_console(f"NETFILTER_GUARD_AFTER='kill -INT $$' sh {SCRIPT} apply")
        assert ran.code == 1
        assert "it was interrupted at command" in ran.output
        playing_._as_before()


@pytest.mark.parametrize("of", Backend, ids=str)
def test_all_that_a_host_has_comes_back(of: Backend) -> None:
    """Sets that rules name, tables that were not there, native tables beside, of both families, chains of their own."""
    tool = f"iptables-{of}"
    old = rulesets(
        table("filter", "-A INPUT -m set --match-set bad src -j DROP", "-A INPUT -j own", own="-", FORWARD="DROP"),
        v6=table("filter", "-A INPUT -s 2001:db8::/32 -j DROP"),
    )
    old = replace(old, ipset=rendered("create bad hash:ip\nadd bad 192.0.2.1\n"))
    native_table = "table inet mine { set s { type ipv4_addr; elements = { 192.0.2.9 }; }; chain c { ip saddr @s drop; }; }"
    more = "table ip nat { chain mine { type nat hook prerouting priority 0; ip daddr 192.0.2.8 dnat to 10.0.2.10; }; }"
    made = (
        Command((tool, "-P", "FORWARD", "ACCEPT")),
        Command((tool, "-t", "mangle", "-A", "FORWARD", "-j", "MARK", "--set-mark", "1")),
        Command((tool, "-P", "INPUT", "DROP")),
        Command((tool, "-F")),
        Command((tool, "-X", "own")),
        Command(("ip6" + tool.removeprefix("ip"), "-F")),
        Command(("ipset", "flush", "bad")),
        Command(("ipset", "create", "worse", "hash:net")),
        Command(("nft", "delete", "table", "inet", "mine")),
        Command(("nft", "-f", "-"), "table ip nat { chain mine { ip saddr 192.0.2.7 drop; }; }\ntable ip other {}\n"),
    )
    with Lab(TOPOLOGY, {"gateway": old}, backend=of) as lab:
        host = GuardedHost(lab, "gateway", "CHG-7", guard_script("CHG-7", made, 60), None)
        for text in (native_table, more) if of is Backend.NFT else (native_table,):
            assert host.at_console(f"nft '{text}'").code == 0
        before = state_of(host.node, of, old.texts())
        for way in ("ring", "rollback"):
            assert host.at_console(f"sh {SCRIPT} check").output.endswith("look good; nothing was changed\n")
            ran = host.at_console(f"sh {SCRIPT} apply")
            assert (ran.code, ran.how) == (0, How.DONE), ran.output
            assert left_over(before, state_of(host.node, of, old.texts()))
            if way == "ring":
                host.ring()
                assert "the rules of before are in force" in host.at_console(f"sh {SCRIPT} status").output
            else:
                assert host.at_console(f"sh {SCRIPT} rollback").code == 0
            assert left_over(before, state_of(host.node, of, old.texts())) == ()


def test_the_timer_waits_by_the_clock_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one test of real time: one second."""
    monkeypatch.setattr(hosts, "_ENVIRONMENT", {"NETFILTER_GUARD_KEEP": "/run/keep"})
    with playing(replace(guarded("nft"), seconds=1)) as playing_:
        assert playing_.host.at_console(f"sh {SCRIPT} apply").code == 0
        timer = playing_.host.timer()
        if timer is not None:
            playing_.host.wait_for(timer)
        playing_._as_before()
        assert playing_.host.kept("phase") == "rolled-back"


def test_after_a_power_cut_it_is_told_what_remains() -> None:
    with playing(guarded("nft")) as playing_:
        host = playing_.host
        assert host.at_console(f"sh {SCRIPT} apply").code == 0
        timer = host.timer()
        host.at_console(f"kill -KILL {timer}; rm -rf /run/netfilter-guard; echo other >/run/keep/CHG-7/boot")
        told = host.at_console(f"sh {SCRIPT} status").output
        assert "CHG-7 was armed when this host was restarted" in told or "CHG-7 was applied when" in told
        assert host.at_console(f"sh {SCRIPT} rollback").code == 0
        playing_._as_before()


def test_a_timer_that_was_killed_is_told() -> None:
    with playing(guarded("nft")) as playing_:
        host = playing_.host
        assert host.at_console(f"sh {SCRIPT} apply").code == 0
        timer = host.timer()
        assert timer is not None
        host.at_console(f"kill -KILL {timer}")
        host.wait_for(timer)
        told = host.at_console(f"sh {SCRIPT} status")
        assert (told.code, "ITS TIMER IS GONE" in told.output) == (1, True)


def test_where_systemd_is_the_timer_is_a_service_of_its_own() -> None:
    stub = '#!/bin/sh\\nfor one; do case $one in --setenv=*) export "${one#--setenv=}" ;; sh) break ;; esac; shift; done\\n'
    stub += 'echo "$@" >/run/asked\\nsetsid "$@" </dev/null >/dev/null 2>&1 &\\n'
    with playing(guarded("nft")) as playing_:
        host = playing_.host
        host.at_console(f"mkdir -p /run/systemd/system /run/bin; printf '{stub}' >/run/bin/systemd-run; chmod +x /run/bin/*")
        ran = host.at_console(f"PATH=/run/bin:$PATH sh {SCRIPT} apply")
        assert ran.code == 0, ran.output
        assert host.at_console("cat /run/asked").output.startswith(f"sh {host.copy} timer ")
        assert "(systemd-run, 60 s)" in host.kept("log")
        host.ring()
        playing_._as_before()


def test_two_changes_are_not_made_at_once() -> None:
    one = guarded("nft")
    with playing(one) as playing_, Console(playing_.host.node) as admin:
        host = playing_.host
        assert host.at_console(f"sh {SCRIPT} apply").code == 0
        other = guard_script("CHG-8", one.commands, 60)
        admin.run(f"cat >/run/other.sh <<'EOF'\n{other}\nEOF")
        ran = host.at_console("sh /run/other.sh apply")
        assert (ran.code, "CHG-7 is applied and not confirmed" in ran.output) == (1, True)
        host.ring()
        playing_._as_before()
