"""What this machine can and cannot do, found out by doing it in throw-away nodes."""

from __future__ import annotations

import os
import platform
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum

from lab.errors import LabError, MachineError
from lab.kernel.ground import landlock, tools
from lab.kernel.ground.confinement import Means, means_here
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.privileges import ROOTLESS, user_namespace_switch
from lab.kernel.ground.rtnetlink import carry_out, set_up
from lab.kernel.stage.readiness import wait_until_up
from lab.kernel.stage.rest import Fence, Pin
from lab.kernel.stage.wiring import Wiring
from lab.kernel.watch.conntrack import ConntrackChannel
from lab.kernel.watch.drop_reason import DropReasons
from lab.kernel.watch.nflog import PacketLog, choose_logger
from lab.kernel.watch.tracer import Tracer
from lab.record.packet import Packet

OLDEST_KERNEL, OLDEST_IPTABLES, OLDEST_NFT = (5, 15), (1, 8, 7), (1, 0, 2)
RESTORE = "iptables-nft-restore"
_IPTABLES = ("iptables-nft-restore", "iptables-nft-save", "ip6tables-nft-restore", "ip6tables-nft-save")
_LEGACY = ("iptables-legacy-restore", "ip6tables-legacy-restore")
_OLDEST = dict.fromkeys((*_IPTABLES, *_LEGACY), OLDEST_IPTABLES) | {"nft": OLDEST_NFT, "ipset": (7, 0, 0)}
_OPTIONAL = dict.fromkeys(_LEGACY, ": no --backend legacy") | {"nft": ": no nft scripts", "ipset": ": no sets"}
_MATCHES = {
    "conntrack": "-m conntrack --ctstate NEW",
    "comment": '-m comment --comment "x"',
    "multiport": "-p tcp -m multiport --dports 1,2",
    "limit": "-m limit --limit 1/s",
    "hashlimit": "-m hashlimit --hashlimit-name x --hashlimit-upto 1/s",
    "recent": "-m recent --name x --set",
    "addrtype": "-m addrtype --dst-type LOCAL",
    "mark": "-m mark --mark 1",
    "iprange": "-m iprange --src-range 10.0.0.1-10.0.0.2",
    "rpfilter": "-m rpfilter",
}
_TARGETS = {"LOG": "-j LOG", "REJECT": "-j REJECT", "NFLOG": "-j NFLOG", "MARK": "-j MARK --set-mark 1"}


class State(StrEnum):
    """How much of it there is."""

    OK = "ok"
    LIMITED = "limited"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: what was looked at, what was found, and the command that mends it."""

    name: str
    state: State
    found: str
    mend: str = ""


def examine() -> Iterator[Check]:
    """All checks, those first without which nothing works."""
    yield _kernel()
    yield _privileges()
    yield from _tools()
    yield _confinement()
    yield _files()
    yield from _in_a_node(_sysctls, _rules, _tracing, _conntrack, _ipv6, _legacy, _native, _sets)
    yield _reasons()
    yield Check(
        "modules", State.OK, "the lab loads no kernel module; the kernel itself may load one that a ruleset asks for"
    )


def _kernel() -> Check:
    release = platform.release()
    found = re.match(r"(\d+)\.(\d+)", release)
    new_enough = found is not None and (int(found[1]), int(found[2])) >= OLDEST_KERNEL
    if new_enough:
        return Check("kernel", State.OK, release)
    return Check("kernel", State.MISSING, release, f"a kernel of {'.'.join(map(str, OLDEST_KERNEL))} or newer")


def _privileges() -> Check:
    if os.environ.get(ROOTLESS) == "1":
        return Check("privileges", State.OK, "an ordinary user, in a user namespace")
    switch = user_namespace_switch()
    if switch is None:
        return Check("privileges", State.OK, "root")
    return Check("privileges", State.LIMITED, "root; ordinary users may not", f"sudo sysctl -w {switch}")


def _tools() -> Iterator[Check]:
    for tool, oldest in _OLDEST.items():
        text = tools.version(tool)
        package = tools.PACKAGES[tool]
        if text is None:
            state = State.LIMITED if tool in _OPTIONAL else State.MISSING
            yield Check(tool, state, f"not on this machine{_OPTIONAL.get(tool, '')}", f"apt-get install {package}")
            continue
        numbers = tuple(int(part) for part in re.findall(r"\d+", text.partition(" v")[2])[:3])
        old = numbers < oldest
        mend = f"a newer {package}: {'.'.join(map(str, oldest))} or later" if old else ""
        yield Check(tool, State.MISSING if old else State.OK, text, mend)
    guard = tools.find("setpriv")
    yield Check(
        "setpriv", State.OK if guard else State.LIMITED, guard or "not on this machine: tools may outlive a killed lab",
        "" if guard else "apt-get install util-linux",
    )  # fmt: skip


def _confinement() -> Check:
    """By what the tools are kept from the machine's files, were a ruleset to make one of them do more than load it."""
    means = means_here()
    if means is Means.LANDLOCK:
        return Check("confinement", State.OK, f"Landlock {landlock.version()}: tools write no file and run no other program")
    mend = "a kernel with Landlock (CONFIG_SECURITY_LANDLOCK, and landlock in the option lsm=) that the container lets through"
    if means is Means.READ_ONLY:
        return Check("confinement", State.LIMITED, "no Landlock: tools see read-only mounts, and may run other programs", mend)
    return Check("confinement", State.LIMITED, "no Landlock, no read-only mounts: the closed lists alone hold rulesets", mend)


def _files() -> Check:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return Check("open files", State.OK if hard >= 4096 else State.LIMITED, f"{hard} at most", "ulimit -Hn 65536")


def _in_a_node(*checks: Callable[[Namespace], Iterator[Check]]) -> Iterator[Check]:
    home = Home()
    try:
        for check in checks:
            namespace = Namespace(home)
            try:
                yield from check(namespace)
            except (LabError, OSError) as error:
                yield Check(check.__name__.strip("_"), State.MISSING, str(error))
            finally:
                namespace.close()
    finally:
        home.close()


def _sysctls(namespace: Namespace) -> Iterator[Check]:
    with namespace:
        try:
            with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
                file.write("1")
        except OSError as error:
            mend = "docker run --privileged, or run as an ordinary user in a new pid namespace"
            yield Check("sysctls", State.MISSING, f"/proc/sys is not writable ({error.strerror})", mend)
            return
    yield Check("sysctls", State.OK, "a node's own sysctls are writable")


def _rules(namespace: Namespace) -> Iterator[Check]:
    missing = []
    rules = {f"-m {name}": words for name, words in _MATCHES.items()}
    rules |= {f"-j {name}": words for name, words in _TARGETS.items()}
    for name, words in rules.items():
        table, chain = ("filter", "INPUT") if name == "-j REJECT" else ("mangle", "PREROUTING")
        done = tools.run(namespace, [RESTORE], f"*{table}\n-A {chain} {words}\nCOMMIT\n")
        if done.code != 0:
            missing.append(name)
    nat = tools.run(namespace, [RESTORE], "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n")
    if nat.code != 0:
        missing.append("-j MASQUERADE")
    if missing:
        mend = "a kernel with these: often the package linux-modules-extra-$(uname -r)"
        yield Check("matches and targets", State.LIMITED, f"this kernel refuses {', '.join(missing)}", mend)
    else:
        yield Check("matches and targets", State.OK, f"{len(rules) + 1} tried")


def _tracing(namespace: Namespace) -> Iterator[Check]:
    tools.run(namespace, [RESTORE], "*filter\nCOMMIT\n")
    _loopback_up(namespace)
    tracer = Tracer(namespace)
    try:
        trouble = _canary(tracer)
        if trouble:
            yield Check("tracing", State.MISSING, trouble, "a kernel with CONFIG_NF_TABLES, NFT_TRACE and nfnetlink")
        else:
            yield Check("tracing", State.OK, "the canary was seen in PREROUTING and OUTPUT")
        small = tracer.buffer_bytes < 1 << 20
        mend = "sudo sysctl -w net.core.rmem_max=16777216" if small else ""
        yield Check("trace buffer", State.LIMITED if small else State.OK, f"{tracer.buffer_bytes} bytes", mend)
    finally:
        for close in tracer.closers():
            close()


def _canary(tracer: Tracer) -> str | None:
    """What is wrong with the trace, told when a fence has passed behind the canaries."""
    with ExitStack() as undo:
        home = Home()
        undo.callback(home.close)
        fence = Fence(home, Wiring(home))
        undo.callback(fence.close)
        fence.bring_up()
        wait_until_up(fence.nodes)
        with Pin():
            tracer.send_canaries()
            fence.pass_by(2)
            return tracer.canary_trouble()[0]


def _loopback_up(namespace: Namespace) -> None:
    carry_out("the loopback", namespace, [set_up("lo", 1)], MachineError)


def _conntrack(namespace: Namespace) -> Iterator[Check]:
    channel = ConntrackChannel("node", namespace)
    try:
        channel.find(Packet(4, 6, "10.0.0.1", 1, "10.0.0.2", 2))
        yield Check("conntrack", State.OK, "ctnetlink answers")
    finally:
        channel.close()


def _ipv6(namespace: Namespace) -> Iterator[Check]:
    _loopback_up(namespace)
    tracer = Tracer(namespace, (6,))
    try:
        trouble = _canary(tracer)
    finally:
        for close in tracer.closers():
            close()
    if trouble:
        yield Check("IPv6", State.LIMITED, trouble, "a kernel that was not started with ipv6.disable=1")
    else:
        yield Check("IPv6", State.OK, "the canary was seen in PREROUTING and OUTPUT")


def _legacy(namespace: Namespace) -> Iterator[Check]:
    done = tools.run(namespace, ["iptables-legacy-restore"], "*filter\n-A INPUT -j DROP\nCOMMIT\n")
    if done.code != 0:
        found = f"this kernel has no ip_tables ({done.err.strip()})"
        yield Check("legacy backend", State.LIMITED, found, "--backend legacy needs a kernel with CONFIG_IP_NF_IPTABLES_LEGACY")
        return
    choose_logger(namespace)
    PacketLog(namespace).close()
    yield Check("legacy backend", State.OK, "ip_tables holds rules, and NFLOG tells of their steps")


def _native(namespace: Namespace) -> Iterator[Check]:
    done = tools.run(namespace, ["nft", "-f", "-"], "table inet t {\n chain c {\n type filter hook input priority 0;\n }\n}\n")
    if done.code == 0:
        yield Check("native nft", State.OK, "inet tables")
    else:
        yield Check("native nft", State.LIMITED, done.err.strip(), "a kernel with CONFIG_NF_TABLES_INET")


def _sets(namespace: Namespace) -> Iterator[Check]:
    done = tools.run(namespace, ["ipset", "restore"], "create t hash:net\nadd t 192.0.2.0/24\n")
    state = State.OK if done.code == 0 else State.LIMITED
    found = "hash:net" if done.code == 0 else f"this kernel has no ipset ({done.err.strip()})"
    yield Check("sets", state, found, "a kernel with CONFIG_IP_SET: often the package linux-modules-extra-$(uname -r)")


def _reasons() -> Check:
    reasons = DropReasons.open()
    if reasons is None:
        found = "not told here: an unrouted packet is reported without the kernel's word for why"
        return Check("drop reasons", State.LIMITED, found, "as root: mount -t tracefs tracefs /sys/kernel/tracing")
    reasons.close()
    return Check("drop reasons", State.OK, "told by skb:kfree_skb")
