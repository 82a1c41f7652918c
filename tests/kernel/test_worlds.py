"""A node's world, from outside through its door: what is there, what is not, and what ends with whom."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.errors import InputError, MeasurementError
from lab.kernel.stage.door import Ended, Terminal, run_at, start_at, terminal_at
from lab.kernel.stage.node import Node
from lab.kernel.stage.world import Furniture, start_world
from lab.ruleset.backend import Backend
from tests.kernel.keepers import Other, other
from tests.kernel.scenes import SERVER, corridor

pytestmark = pytest.mark.kernel

RULES = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p icmp -j ACCEPT\nCOMMIT\n"
FILES = {"/etc/iptables/rules.v4": RULES, "/etc/sysctl.conf": "net.ipv4.ip_forward = 1\n", "/root/note": "read me\n"}
DEADLINE_MS = 60_000


class Doors:
    """Those of another process."""

    def __init__(self, keeper: Other, folder: str, first: dict[str, int]) -> None:
        self.keeper, self.folder, self.first = keeper, folder, first

    def of(self, node: str) -> str:
        return f"/proc/{self.keeper.pid}/root{self.folder}/{node}"

    def run(self, node: str, *argv: str, stdin: bytes = b"") -> Ended:
        return run_at(self.of(node), argv, stdin=stdin)

    def says(self, node: str, *argv: str) -> str:
        done = self.run(node, *argv)
        assert done.code == 0, done
        return done.out.decode()

    def shell(self, node: str, words: str) -> Ended:
        return self.run(node, "sh", "-c", words)


@contextmanager
def kept(backend: Backend = Backend.NFT) -> Iterator[Doors]:
    hidden = [os.path.realpath("/usr/share/doc"), "/no/such/folder"]
    with other("worlds", backend, corridor(), FILES, hidden) as keeper:
        yield Doors(keeper, *json.loads(keeper.line()))


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with kept() as found:
        yield found


def readable(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(DEADLINE_MS))


def until(terminal: Terminal, words: bytes) -> bytes:
    """What a terminal shows up to these words."""
    shown = b""
    while words not in shown:
        assert readable(terminal.descriptor), shown
        shown += os.read(terminal.descriptor, 65536)
    return shown


def typed(terminal: Terminal, line: bytes, answer: bytes) -> bytes:
    os.write(terminal.descriptor, line)
    return until(terminal, answer)


def test_it_has_a_name_processes_and_a_network_of_its_own(doors: Doors) -> None:
    assert doors.says("gateway", "hostname") == "gateway\n"
    assert doors.says("gateway", "cat", "/root/note") == "read me\n"
    assert Path(f"/proc/{doors.first['gateway']}/root/etc/hostname").read_text() == "gateway\n"
    processes = doors.says("gateway", "sh", "-c", "echo /proc/[0-9]*; cat /proc/1/cmdline | tr -d '\\0'")
    assert len(processes.split()) <= 6
    assert processes.endswith("\nlab-door")
    assert "10.0.1.1" in doors.says("gateway", "ip", "-br", "address")
    assert sorted(doors.says("gateway", "ls", "/sys/class/net").split()) == ["left", "lo", "right"]


def test_the_tools_of_a_firewall_work_there(doors: Doors) -> None:
    assert doors.says("gateway", "iptables", "-S", "OUTPUT") == "-P OUTPUT ACCEPT\n"
    assert doors.run("gateway", "iptables", "-A", "OUTPUT", "-d", "192.0.2.7", "-j", "DROP").code == 0
    assert "192.0.2.7" in doors.says("gateway", "iptables-nft-save")
    assert doors.run("gateway", "ip6tables", "-S").code == doors.run("gateway", "ss", "-ltn").code == 0
    assert doors.run("gateway", "sysctl", "-w", "net.ipv4.ip_forward=1").code == 0
    for tool, argv in (("conntrack", ("-L",)), ("nft", ("list", "ruleset")), ("ping", ("-c1", "-n", SERVER))):
        if shutil.which(tool):
            assert doors.run("gateway", tool, *argv).code == 0, tool


def test_what_no_namespace_can_change_is_said(doors: Doors) -> None:
    done = doors.run("gateway", "sysctl", "-w", "net.netfilter.nf_conntrack_max=8")
    assert done.code == 1
    assert b"one value for the whole machine" in done.err
    done = doors.run("gateway", "sysctl", "-w", "kernel.sysrq=0")
    assert (done.code, b"the whole machine's" in done.err) == (1, True)
    assert doors.says("gateway", "sysctl", "-n", "net.ipv4.ip_forward") == "1\n"


def test_nothing_of_the_machine_but_its_programs_is_seen(doors: Doors, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("ours")
    home = Path.home()
    for path in (tmp_path / "secret", Path(__file__), Path("/etc/shadow"), Path("/etc/ssh"), home / ".profile.ours"):
        assert doors.run("gateway", "ls", str(path)).code != 0, path
    assert doors.says("gateway", "ls", "-A", "/home") == doors.says("gateway", "ls", "/usr/share/doc") == ""
    assert doors.shell("gateway", "cat /proc/1/environ; ls /proc/1/root/; cat /proc/kmsg").out == b""
    assert doors.run("gateway", "/usr/bin/dmesg").code != 0
    assert "Seccomp:\t2" in doors.says("gateway", "cat", "/proc/self/status")  # whatever kernel.dmesg_restrict is here


def test_nothing_of_the_machine_can_be_changed(doors: Doors) -> None:
    mounts = [line.split() for line in doors.says("gateway", "cat", "/proc/mounts").splitlines()]
    writable = {(kind, place) for _, place, kind, options, *_ in mounts if "ro" not in options.split(",")}
    assert {kind for kind, _ in writable} == {"tmpfs", "devpts", "proc"}
    assert {place for kind, place in writable if kind == "proc"} == {"/proc", "/proc/sys/net"}
    assert [options.split(",")[0] for _, place, _, options, *_ in mounts if place == "/proc/sys"] == ["ro"]
    tried = ("touch /usr/x", "touch /bin/x", "touch /x", "mount -o remount,rw /usr", "umount /usr", "unshare --mount true",
             "mknod /tmp/x b 8 0", "touch /run/lab/bin/ip", "chmod 777 /usr", "rm /run/lab/nodes/client")  # fmt: skip
    for words in tried:
        assert doors.shell("gateway", words).code != 0, words


def test_other_nodes_are_reached_by_the_words_of_namespaces(doors: Doors) -> None:
    assert doors.says("client", "ip", "netns", "list").split() == ["client", "gateway", "server"]
    assert doors.says("client", "ip", "netns", "exec", "server", "sh", "-c", "hostname; pwd") == "server\n/root\n"
    assert SERVER in doors.says("client", "ip", "-n", "server", "-br", "address")
    assert doors.run("client", "ip", "netns", "exec", "server", "sh", "-c", "exit 9").code == 9
    assert doors.run("client", "ip", "netns", "exec", "server", "cat", stdin=b"given").out == b"given"
    done = doors.run("client", "ip", "netns", "exec", "nowhere", "true")
    assert (done.code, b"no such node" in done.err) == (1, True)


def test_a_command_that_is_not_there_is_told_in_words(doors: Doors) -> None:
    assert doors.run("gateway", "no-such") == Ended(127, b"", b"gateway: no-such: there is no such command here\n")
    assert doors.run("gateway", "/etc/passwd").code == 126
    with pytest.raises(MeasurementError, match="no command was asked for"):
        doors.run("gateway")
    with pytest.raises(MeasurementError, match="nowhere: nobody answers at its door"):
        doors.run("nowhere", "true")
    with pytest.raises(MeasurementError, match=r"did not end within 0\.05 s"):
        run_at(doors.of("gateway"), ["sleep", "1000"], seconds=0.05)


def test_a_reboot_loads_what_the_files_say(doors: Doors) -> None:
    doors.says("server", "iptables", "-A", "FORWARD", "-s", "192.0.2.9", "-j", "DROP")
    said = doors.says("server", "reboot")
    assert "/etc/iptables/rules.v4" in said
    assert doors.says("server", "iptables", "-S", "FORWARD") == "-P FORWARD DROP\n-A FORWARD -p icmp -j ACCEPT\n"
    assert doors.says("server", "cat", "/run/lab/rebooted").strip().isdigit()


def test_a_terminal_has_jobs_and_a_size(doors: Doors) -> None:
    with terminal_at(doors.of("gateway"), ["bash", "--norc"], size=(30, 100), environment={"TERM": "dumb"}) as terminal:
        until(terminal, b"office gateway # ")
        typed(terminal, b"stty size\r", b"30 100")
        terminal.resize(40, 120)
        typed(terminal, b"stty size\r", b"40 120")
        typed(terminal, b"sh -c 'echo be''gun; exec sleep 1000'\r", b"begun")
        typed(terminal, b"\x03", b"# ")
        typed(terminal, b"echo $? ended\r", b"130 ended")
        typed(terminal, b"ip netns exec client bash --norc\r", b"office client # ")
        typed(terminal, b"stty size; hostname\r", b"40 120\r\nclient")
        typed(terminal, b"exit 4\r", b"office gateway # ")
        typed(terminal, b"echo $? left\r", b"4 left")
        assert not terminal.ended
        os.write(terminal.descriptor, b"exit 5\r")
        assert terminal.wait(60) == 5


def test_a_terminal_controls_what_runs_on_it(doors: Doors) -> None:
    words = ["sh", "-c", "echo its own > /dev/tty"]
    with terminal_at(doors.of("gateway"), words, size=(30, 100), environment={}) as terminal:
        until(terminal, b"its own")


def test_what_an_asker_leaves_is_killed_in_whatever_session(doors: Doors) -> None:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with Path(os.devnull).open("r+b") as null:
        words = ["sh", "-c", "sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & echo begun; exec sleep 1000"]
        running = start_at(doors.of("gateway"), words, (null.fileno(), writing, null.fileno()), {})
    os.close(writing)
    assert os.read(reading, 100) == b"begun\n"
    running.close()
    assert readable(reading)
    assert os.read(reading, 100) == b""  # nobody holds it any more
    os.close(reading)


def test_a_signal_reaches_a_command(doors: Doors) -> None:
    with Path(os.devnull).open("r+b") as null:
        running = start_at(doors.of("gateway"), ["sleep", "1000"], (null.fileno(),) * 3, {})
    with running:
        assert running.code is None
        running.signal(signal.SIGTERM)
        assert readable(running.descriptor)
        assert running.code == 128 + signal.SIGTERM


def test_who_deletes_everything_has_a_world_that_says_so_and_all_goes_with_its_keeper() -> None:
    with kept() as doors:
        mounts = [line.split() for line in doors.says("client", "cat", "/proc/mounts").splitlines()]
        own = {"tmpfs", "devpts", "proc"}
        assert {kind for _, _, kind, options, *_ in mounts if "ro" not in options.split(",")} == own
        doors.shell("client", "rm -rf /bin /dev /etc /home /lib* /root/.[!p]* /root/* /run /sbin /tmp /var /usr/bin/env")
        assert doors.says("client", "ls", "-A", "/home", "/tmp", "/var").split() == ["/home:", "/tmp:", "/var:"]
        assert doors.says("client", "hostname") == "client\n"
        assert doors.run("client", "no-such").err == b"client: no-such: there is no such command here\n"
        assert Path("/usr/bin/env").exists()
        inside = start_at(doors.of("client"), ["sleep", "1000"], (0, 1, 2), {})
        ends = [os.pidfd_open(process) for process in doors.first.values()]
        doors.keeper.kill()
        for end in ends:
            assert readable(end)
            os.close(end)
        with pytest.raises(MeasurementError, match="its world, or who served it there, has gone"):
            inside.wait(60)


@pytest.mark.parametrize("path", ["/usr/x", "/etc/../usr/x", "relative"])
def test_a_file_elsewhere_is_refused(node: Node, tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match="is not below /etc, /run, /root, /tmp or /var"):
        start_world(node, tmp_path, Furniture("office", files={path: ""}))
