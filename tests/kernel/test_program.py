"""Programs that go on in a node: in a world of their own, ready when a witness says so, gone with the lab."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from lab.errors import InputError, MachineError, MeasurementError
from lab.kernel.stage.node import Node
from lab.kernel.stage.program import process as processes
from lab.kernel.stage.program.process import Process
from lab.kernel.stage.program.witness import Listens, Notifies, Prints

pytestmark = pytest.mark.kernel

PYTHON = os.path.realpath(sys.executable)
UP = "print('up', flush=True); import signal; signal.pause()"


def python(program: str) -> list[str]:
    """A program in Python: what is below /tmp is not there for it."""
    return [PYTHON, "-I", "-S", "-c", program]


def serving(proto: str) -> list[str]:
    """A server that gets ready some time after it was started."""
    kind, listen = ("STREAM", "channel.listen()") if proto == "tcp" else ("DGRAM", "pass")
    words = f"import signal, socket; channel = socket.socket(type=socket.SOCK_{kind}); channel.bind(('', 2121)); {listen}"
    return python(f"{words}; signal.pause()")


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_the_kernel_s_table_tells_that_a_server_is_ready(node: Node, proto: str) -> None:
    server = node.start(serving(proto), ready=Listens(proto, 2121))
    assert server.code is None
    another = Listens(proto, 2122)
    another.arm(node.namespace)
    assert not another.saw("")
    assert ":0849 " not in Path(f"/proc/net/{proto}").read_text()  # it is the node's, not ours


def test_one_that_prints_or_notifies_is_believed(node: Node) -> None:
    assert node.start(python(UP), ready=Prints("up")).output() == "up\n"
    words = "import os, signal, socket; name = os.environ['NOTIFY_SOCKET'].replace('@', chr(0)); "
    words += "channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
    words += "channel.sendto(b'STATUS=soon', name); print('told'); "
    words += "channel.sendto(b'READY=1\\nSTATUS=well', name); signal.pause()"
    assert node.start([*python(words)[:3], "-u", "-c", words], ready=Notifies()).output() == "told\n"


def test_one_that_ends_before_it_is_ready_is_told_with_what_it_said(node: Node) -> None:
    with pytest.raises(MeasurementError, match=r"alone: .* ended with 7 before it listens on tcp/2121; it said: no such thing"):
        node.start(python("import sys; print('no such thing'); sys.exit(7)"), ready=Listens("tcp", 2121))


def test_one_that_never_is_ready_is_ended(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "DEADLINE_S", 0.3)
    with pytest.raises(MeasurementError, match=r"within 0\.3 s it was not seen that it prints 'down'; it said: up"):
        node.start(python(UP), ready=Prints("down"))


def test_its_world_is_its_own(node: Node, tmp_path: Path) -> None:
    words = """
import os, socket
def tried(path):
    try:
        open(path, 'w').write('x')
        return 'written'
    except OSError as error:
        return error.strerror
print(socket.gethostname(), sorted(int(one) for one in os.listdir('/proc') if one.isdigit()), os.environ.get('SECRET'))
print(open('/run/daemon/its.conf').read(), os.environ['COLOUR'], tried('/run/own'), tried('/tmp/own'))
print(tried('/etc/own'), '|', tried('/dev/kmsg'), '|', tried('/proc/sys/net/ipv4/ip_forward'))
"""
    os.environ["SECRET"] = "ours"
    told = node.start(python(words), files={"/run/daemon/its.conf": "port = 21"}, environment={"COLOUR": "blue"})
    assert told.wait() == 0, told.output()
    first, second, third = told.output().splitlines()
    assert first == "alone [1, 2] None"
    assert second == "port = 21 blue written written"
    assert "written" not in third.rpartition("|")[0]
    assert third.endswith("| written")
    assert not [path for path in ("/run/own", "/tmp/own", "/etc/own") if Path(path).exists()]


def test_it_makes_no_device_and_reaches_no_terminal_of_the_machine(node: Node) -> None:
    words = """
import os, stat
def tried(made):
    try:
        made()
        return 'made'
    except OSError as error:
        return error.strerror
print(*(tried(lambda: os.mknod(f'/{folder}/kmsg', kind | 0o600, os.makedev(1, 11)))
        for folder in ('tmp', 'run') for kind in (stat.S_IFCHR, stat.S_IFBLK)), sep=', ')
mounts = {line.split()[1]: line.split()[3].split(',') for line in open('/proc/mounts')}
print(*(set(('nodev', 'nosuid')) <= set(mounts[folder]) for folder in ('/tmp', '/run')))
print(*(one for one in os.listdir('/dev/pts') if one != 'ptmx'), end='.\\n')
kept = next(int(line.split()[1], 16) for line in open('/proc/self/status') if line.startswith('CapEff'))
print(*(number for number in (16, 17, 19, 21, 22, 25, 27) if kept >> number & 1), end='.\\n')
"""
    ours, theirs = os.openpty()  # one of the machine's, which it must not see
    told = node.start(python(words))
    assert told.wait() == 0, told.output()
    first, *others = told.output().splitlines()
    assert "made" not in first
    assert others == ["True True", ".", "."]
    os.close(ours)
    os.close(theirs)


def marked(mark: str) -> int:
    """A descriptor of the process that has this as its last argument."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if line.read_bytes().endswith(f"\0{mark}\0".encode()):
                return os.pidfd_open(int(line.parent.name))
    raise AssertionError(f"no process has {mark}")


def ended(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(30_000))


def daemon(mark: str) -> list[str]:
    """Starts what goes on in a session of its own, out of reach of its process group; that one prints."""
    start = f"subprocess.Popen([{PYTHON!r}, '-I', '-S', '-c', {UP!r}, {mark!r}], start_new_session=True)"
    return python(f"import signal, subprocess; {start}; signal.pause()")


@pytest.mark.parametrize("end", [Process.stop, lambda program: program.signal(signal.SIGKILL)], ids=["stopped", "killed"])
def test_what_it_started_goes_with_it(node: Node, end: Callable[[Process], None]) -> None:
    mark = f"left-by-one-{os.getpid()}"
    program = node.start(daemon(mark), ready=Prints("up"))
    left = marked(mark)
    end(program)
    assert ended(left)


def test_it_dies_with_the_lab_however_that_dies() -> None:
    mark = f"left-by-lab-{os.getpid()}"
    words = f"""
import os, signal
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.privileges import enter
from lab.kernel.stage.node import Node
from lab.kernel.stage.program.witness import Prints
enter()
program = Node("alone", Home()).start({daemon(mark)!r}, ready=Prints("up"))
print("up", flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        assert lab.stdout.readline() == "up\n"
        left = marked(mark)
        lab.kill()
        assert ended(left)


def test_signals_reach_it_and_its_end_is_told(node: Node) -> None:
    program = node.start(python(UP), ready=Prints("up"))
    program.signal(signal.SIGTERM)
    assert program.wait() == 128 + signal.SIGTERM
    program.signal(signal.SIGTERM)  # which nobody gets any more
    program.stop()
    program.signal(signal.SIGTERM)
    assert program.output() == "up\n"


def test_what_cannot_be_started_is_told(node: Node, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no-such-daemon is not on this machine"):
        node.start(["no-such-daemon"])
    for argv, environment in (([], {}), (["true", "a\0b"], {}), (["true"], {"A=B": "c"})):
        with pytest.raises(InputError, match="is no command"):
            node.start(argv, environment=environment)
    with pytest.raises(MachineError, match="/etc/passwd is not executable"):
        node.start(["/etc/passwd"])
    with pytest.raises(InputError, match=r"/etc/its\.conf is not below /run or /tmp"):
        node.start(["true"], files={"/etc/its.conf": ""})
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(MachineError, match="is not there for it, as a program of a node has a /run and a /tmp of its own"):
        node.start([str(script)])
    with pytest.raises(MachineError, match=r"true cannot be started: .*Invalid argument"):
        Process("n" * 65, node.namespace, ["true"])
