"""Ways to load rules once more, as people do it: with their tools, in a node of its own where every packet is a local one.

A local packet that a rule of OUTPUT drops is refused while it is sent (EPERM), so nobody waits for what does not come.
"""

from __future__ import annotations

import os
import select
import shlex
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from lab.kernel.ground.namespace import Home
from lab.kernel.ground.tools import ENVIRONMENT, run
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from tests.kernel.scenes import table

PORT, OTHER, THIRD = 7, 8, 9


@dataclass(frozen=True)
class Native:
    """A table of native nft (family ip) with one chain, ``output``."""

    rules: tuple[str, ...]
    objects: str = ""
    head: str = "type filter hook output priority filter;"

    def text(self, name: str) -> str:
        rules = "\n".join(f"\t\t{rule}" for rule in self.rules)
        return f"table ip {name} {{\n\t{self.objects}\n\tchain output {{\n\t\t{self.head}\n{rules}\n\t}}\n}}\n"


@dataclass(frozen=True)
class Rules:
    """The same in both dialects, table by table; ``iptables`` has what stands behind ``-A OUTPUT``, ``policy`` is of filter."""

    iptables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    native: Mapping[str, Native] = field(default_factory=dict)
    sets: str = ""
    policy: str = "ACCEPT"

    def saved(self) -> str:
        """As iptables-restore takes it."""
        policies = {"filter": {"OUTPUT": self.policy}}
        made = (
            table(name, *(f"-A OUTPUT {rule}" for rule in rules), **policies.get(name, {}))
            for name, rules in self.iptables.items()
        )
        return "".join(made)

    def script(self) -> str:
        """As nft takes it."""
        return "".join(one.text(name) for name, one in self.native.items())


def _restore(backend: Backend) -> Callable[[Box, Rules], object]:
    return lambda box, rules: box.run([f"iptables-{backend}-restore"], rules.saved())


def flush_first_script(tool: str, rules: Rules) -> str:
    """The script that is found on most hosts."""
    lines = [f"{tool} -t {name} -F" for name in rules.iptables]
    lines += [f"{tool} -t filter -P OUTPUT {rules.policy}"] if rules.policy != "ACCEPT" else []
    lines += [f"{tool} -t {name} -A OUTPUT {rule}" for name, own in rules.iptables.items() for rule in own]
    return "\n".join(lines)


def single_commands(rules: Rules) -> str:
    """Each chain flushed, and its rules added one by one."""
    lines = [f"nft flush chain ip {name} output" for name in rules.native]
    added = (f"add rule ip {name} output {rule}" for name, one in rules.native.items() for rule in one.rules)
    return "\n".join((*lines, *(f"nft {shlex.quote(command)}" for command in added)))


def deleted_first(rules: Rules) -> str:
    """A script that deletes its own tables, whether or not they are there."""
    return "".join(f"table ip {name}\ndelete table ip {name}\n" for name in rules.native) + rules.script()


@dataclass(frozen=True)
class Way:
    """A way to load rules anew; ``saved`` is how rules with their counters are printed and loaded by it, where one can."""

    name: str
    backend: Backend | None
    reload: Callable[[Box, Rules], object]
    saved: tuple[str, str] | None = None

    @property
    def is_script(self) -> bool:
        """Whether it is a command for each rule."""
        return self.name.endswith(("-A", "add rule"))

    @property
    def is_native(self) -> bool:
        return self.backend is None


WAYS = (
    Way("iptables-nft-restore", Backend.NFT, _restore(Backend.NFT), ("iptables-nft-save -c", "iptables-nft-restore -c")),
    Way("iptables-nft -F, then -A", Backend.NFT, lambda box, rules: box.shell(flush_first_script("iptables-nft", rules))),
    Way(
        "iptables-legacy-restore", Backend.LEGACY, _restore(Backend.LEGACY),
        ("iptables-legacy-save -c", "iptables-legacy-restore -c"),
    ),
    Way("iptables-legacy -F, then -A", Backend.LEGACY,
        lambda box, rules: box.shell(flush_first_script("iptables-legacy", rules))),
    Way("nft -f, flush ruleset", None, lambda box, rules: box.run(["nft", "-f", "-"], "flush ruleset\n" + rules.script()),
        ("nft list ruleset", "(echo flush ruleset; cat) | nft -f -")),
    Way("nft -f, delete table", None, lambda box, rules: box.run(["nft", "-f", "-"], deleted_first(rules))),
    Way("nft flush chain, add rule", None, lambda box, rules: box.shell(single_commands(rules))),
)  # fmt: skip


class Box:
    """A node on its own whose loopback is up, and the sockets of a test in it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._undo = ExitStack()
        home = Home()
        self._undo.callback(home.close)
        self.node = Node("reloaded", home)
        self._undo.callback(self.node.close)
        self._servers: dict[int, socket.socket] = {}
        self.run(["ip", "link", "set", "lo", "up"])

    def run(self, argv: list[str], text: str = "") -> str:
        """What a tool prints; it must succeed."""
        done = run(self.node.namespace, argv, text)
        assert done.code == 0, (argv, text, done.err)
        return done.out

    def shell(self, script: str, text: str = "") -> str:
        """What a script prints, in the shell of the machine, as a person runs it."""
        with ExitStack() as undo:
            given = undo.enter_context(os.fdopen(os.memfd_create("in"), "w+b"))  # also iptables-legacy's lock: `ENVIRONMENT`
            given.write(text.encode())
            given.seek(0)
            undo.enter_context(self.node.namespace)
            done = subprocess.run(["/bin/sh", "-ec", script], stdin=given, env=ENVIRONMENT, capture_output=True, check=False)
        assert done.returncode == 0, (script, done.stderr.decode())
        return done.stdout.decode()

    def load(self, rules: Rules) -> None:
        """Load rules into the node, which holds none."""
        if rules.sets and not self.way.is_native:
            self.run(["ipset", "restore"], rules.sets)
        if self.way.is_native:
            self.run(["nft", "-f", "-"], rules.script())
        else:
            self.run([f"iptables-{self.way.backend}-restore"], rules.saved())

    def reload(self, rules: Rules) -> None:
        """Load rules once more, by this way."""
        self.way.reload(self, rules)

    def settle(self) -> None:
        """Wait until the kernel has let go of what the rules of before held, which nf_tables does later.

        A match of x_tables waits for it (nft_compat_wait_for_destructors).
        """
        self.run(["iptables-nft", "-t", "security", "-A", "INPUT", "-m", "length", "--length", "1"])

    def client(self) -> socket.socket:
        """A socket that nothing was sent from."""
        return self._undo.enter_context(self.node.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def passes(self, client: socket.socket | None = None, port: int = PORT, host: str = "127.0.0.1") -> bool:
        """Whether a packet, of a flow of its own where no ``client`` is given, leaves the node's rules."""
        try:
            (client or self.client()).sendto(b"lab:", (host, port))
        except PermissionError:
            return False
        except ConnectionRefusedError:  # an earlier packet was answered so: nobody listens
            return self.passes(client, port, host)
        return True

    def serve(self, *ports: int) -> None:
        """Listen at these ports."""
        for port in ports:
            server = self._undo.enter_context(self.node.socket(socket.AF_INET, socket.SOCK_DGRAM))
            server.bind(("127.0.0.1", port))
            self._servers[port] = server

    def heard(self) -> tuple[int, tuple[str, int]]:
        """The port at which the next packet arrives, and who sent it."""
        ready, _, _ = select.select(list(self._servers.values()), [], [], 10)
        assert ready, "nothing arrived"
        port = next(port for port, server in self._servers.items() if server is ready[0])
        return port, ready[0].recvfrom(100)[1]

    def answer(self) -> int:
        """Answer the next packet, so that its flow is established; the port it came to."""
        port, sender = self.heard()
        self._servers[port].sendto(b"lab:", sender)
        return port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()
