"""Signatures of manifests, by OpenSSH's own keys: `ssh-keygen -Y` makes and reads them (ssh-keygen(1), PROTOCOL.sshsig)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from lab.errors import InputError, Problem, Where
from lab.kernel.ground.confinement import Confined, Limits, Pipes, Program, programs
from lab.kernel.ground.tools import ENVIRONMENT, need
from lab.record.evidence import Signed

NAMESPACE = "netfilter-lab-evidence"
"""What a signature is for: one that was made for another use is none of a bundle."""
_LIMITS = Limits(seconds=20.0, printed=1 << 20, memory=1 << 30)
_MOST = 1 << 16  # bytes of a signature
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/=]+")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs: a private one, or a public one whose private one an agent holds (``SSH_AUTH_SOCK``)."""

    key: Path
    fingerprint: str

    def sign(self, content: bytes) -> bytes:
        """The signature of ``content``, armoured; raises InputError where the key cannot sign."""
        code, out, err = _keygen(["-Y", "sign", "-n", NAMESPACE, "-f", str(self.key.absolute())], content)
        if code or not out.startswith(b"-----BEGIN SSH SIGNATURE-----"):
            mend = "a key with a passphrase is signed with by ssh-agent: ssh-add KEY, and name KEY.pub"
            raise InputError(Problem(f"the key does not sign: {_words(err)}", Where(str(self.key)), mend))
        return out


def signer_of(key: Path) -> Signer:
    """The key in a file; raises InputError for what is none."""
    code, out, err = _keygen(["-l", "-f", str(key.absolute())], b"")
    found = _FINGERPRINT.search(out.decode(errors="replace"))
    if code or found is None:
        what = f"this is no key of OpenSSH: {_words(err)}"
        raise InputError(Problem(what, Where(str(key)), "ssh-keygen -t ed25519 makes one"))
    return Signer(key, found[0])


def signature_of(content: bytes, signature: bytes, signers: Path | None = None) -> Signed:
    """What a signature of ``content`` says; with ``signers`` who of them made it.  Raises MachineError without ssh-keygen."""
    if len(signature) > _MOST:
        return Signed(wrong="it is no signature: it is too large for one")
    if signers is not None and not signers.is_file():
        raise InputError(Problem("this is no file of allowed signers", Where(str(signers)), "ssh-keygen(1), ALLOWED SIGNERS"))
    with TemporaryDirectory(prefix="lab-signature-") as folder:
        file = Path(folder, "sig")
        file.write_bytes(signature)
        code, out, err = _keygen(["-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(file)], content)
        found = _FINGERPRINT.search(out.decode(errors="replace"))
        if code or found is None:
            return Signed(wrong=f"it is no signature of this manifest: {_words(err or out)}")
        return Signed(found[0]) if signers is None else _vouched(content, file, signers.absolute(), found[0])


def _vouched(content: bytes, file: Path, signers: Path, key: str) -> Signed:
    _, out, _ = _keygen(["-Y", "find-principals", "-s", str(file), "-f", str(signers)], b"")
    for identity in out.decode(errors="replace").splitlines():
        words = ["-Y", "verify", "-n", NAMESPACE, "-s", str(file), "-f", str(signers), "-I", identity]
        if identity and _keygen(words, content)[0] == 0:
            return Signed(key, identity)
    return Signed(key, wrong=f"signed by the key {key}, which is none of {signers.name}'s")


def _keygen(words: list[str], given: bytes) -> tuple[int, bytes, bytes]:
    """The exit code of ssh-keygen, and what it printed; it writes no file, and starts nothing."""
    tool = need("ssh-keygen")
    environment = {**ENVIRONMENT, **{name: os.environ[name] for name in ("SSH_AUTH_SOCK", "HOME") if name in os.environ}}
    with TemporaryFile() as stdin, TemporaryFile() as out, TemporaryFile() as err:
        stdin.write(given)
        stdin.seek(0)
        ran = Confined(Program([tool, *words], environment, programs(tool)), Pipes(stdin, out, err), _LIMITS)
        try:
            stopped = ran.wait()
        finally:
            ran.stop()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read())
        return ran.code, said[0], said[1] if not stopped else f"it {stopped}".encode()


def _words(said: bytes) -> str:
    text = " ".join(said.decode(errors="replace").split())
    return text[:_SHOWN] or "it says nothing"
