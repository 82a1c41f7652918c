"""Signatures by OpenSSH's own keys: made, read, and refused where they are not of this manifest or of nobody who may."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.evidence.bundle import add_signature, write_bundle
from lab.evidence.signing import Signer, signature_of, signer_of
from lab.evidence.verify import verified
from tests.unit.evidence.made import PARTS, bundle, manifest, tarred


def key(folder: Path, name: str, passphrase: str = "") -> Signer:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True)
    return signer_of(folder / name)


def allowed(folder: Path, *lines: str) -> Path:
    file = folder / "signers"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def public(signer: Signer) -> str:
    return " ".join(signer.key.with_suffix(".pub").read_text().split()[:2])


@pytest.fixture
def anna(tmp_path: Path) -> Signer:
    return key(tmp_path, "anna")


def test_who_signed_is_told_by_the_key_alone_or_by_name(tmp_path: Path, anna: Signer) -> None:
    signers = allowed(tmp_path, f"anna@shop.example {public(anna)}")
    folder = write_bundle(tmp_path / "kept", manifest(signer=anna.fingerprint), PARTS, sign=anna.sign).folder
    for path in (folder, tarred(folder, tmp_path / "b.tgz", mode="w:gz")):
        alone, vouched = verified(path), verified(path, signers)
        assert (alone.whole, alone.signed_by, alone.trusted) == (True, anna.fingerprint, False)
        assert (vouched.whole, vouched.signed_by, vouched.trusted) == (True, "anna@shop.example", True)


def test_a_signature_that_is_changed_is_found(tmp_path: Path, anna: Signer) -> None:
    folder = write_bundle(tmp_path / "kept", manifest(signer=anna.fingerprint), PARTS, sign=anna.sign).folder
    file = folder / "manifest.json.sig"
    content = file.read_bytes()
    changed = content.replace(b"BEGIN", b"BEGAN"), content[:60] + b"AAAA" + content[64:]
    for other in (*changed, b"", b"x" * 100_000, content[:-80]):
        file.write_bytes(other)
        (told,) = verified(folder).wrong
        assert told.startswith("manifest.json.sig: it is no signature")
    file.unlink()
    assert verified(folder).wrong == (f"manifest.json.sig: removed: the manifest was signed by {anna.fingerprint}",)


def test_one_by_another_key_is_found(tmp_path: Path, anna: Signer) -> None:
    bert = key(tmp_path, "bert")
    folder = write_bundle(tmp_path / "kept", manifest(signer=anna.fingerprint), PARTS, sign=bert.sign).folder
    (told,) = verified(folder).wrong
    assert told == f"manifest.json.sig: changed: it is by {bert.fingerprint}, and the manifest was signed by {anna.fingerprint}"
    later = bundle(tmp_path / "kept", ticket="CHG-2")
    add_signature(later, bert.sign)
    assert verified(later).signed_by == bert.fingerprint
    (told,) = verified(later, allowed(tmp_path, f"anna@shop.example {public(anna)}")).wrong
    assert told == f"manifest.json.sig: signed by the key {bert.fingerprint}, which is none of signers's"


def test_one_that_nobody_signed_is_no_evidence_for_signers(tmp_path: Path, anna: Signer) -> None:
    folder = bundle(tmp_path / "kept")
    assert verified(folder).whole
    found = verified(folder, allowed(tmp_path, f"anna@shop.example {public(anna)}"))
    assert found.wrong == ("manifest.json.sig: not there: nobody signed",)


def test_a_signature_for_another_use_is_none(tmp_path: Path, anna: Signer) -> None:
    content = tmp_path / "content"
    content.write_bytes(b"a manifest")
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(anna.key), str(content)], check=True)
    assert signature_of(b"a manifest", anna.sign(b"a manifest")).key == anna.fingerprint
    assert signature_of(b"a manifest", (tmp_path / "content.sig").read_bytes()).wrong.startswith("it is no signature of this")
    assert signature_of(b"another one", anna.sign(b"a manifest")).wrong.startswith("it is no signature of this")


def test_signers_that_may_sign_other_things_alone_are_none(tmp_path: Path, anna: Signer) -> None:
    signature = anna.sign(b"a manifest")
    ours, others = 'namespaces="netfilter-lab-evidence"', 'namespaces="git"'
    for options, trusted in ((ours, True), (others, False), ("cert-authority", False)):
        found = signature_of(b"a manifest", signature, allowed(tmp_path, f"anna@shop.example {options} {public(anna)}"))
        assert (found.identity == "anna@shop.example", found.wrong == "") == (trusted, trusted)
    hostile = allowed(tmp_path, "$(touch${IFS}x);--help " + public(anna))
    assert signature_of(b"a manifest", signature, hostile).identity == "$(touch${IFS}x);--help"


def test_a_key_that_cannot_sign_is_told(tmp_path: Path) -> None:
    locked = key(tmp_path, "locked", passphrase="a secret that nobody asks for")
    with pytest.raises(InputError, match="the key does not sign: "):
        locked.sign(b"a manifest")
    (tmp_path / "text").write_text("no key")
    for name in ("text", "none"):
        with pytest.raises(InputError, match=f"{name}: this is no key of OpenSSH"):
            signer_of(tmp_path / name)
    with pytest.raises(InputError, match="no file of allowed signers"):
        signature_of(b"", b"", tmp_path / "none")
