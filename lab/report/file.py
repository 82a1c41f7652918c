"""Files that the lab writes: each whole or not at all, whatever the path is; ``-`` is standard output."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from lab.errors import InputError, LabError, MachineError, Problem, system_words
from lab.report.printed import print_machine_readable

STDOUT = Path("-")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_NOT_BESIDE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV)
"""A folder that takes no new file, or a file that is mounted by itself: it may still be written in place."""


def write_file(path: Path, text: str) -> None:
    """Write ``text``: a file is replaced in one step, what a link names likewise, a pipe or a device is written to.

    Missing folders are made.  Raises InputError for a path that cannot be written, MachineError for a disk that is full.
    ``-`` is printed, and how printing failed is told where all that was printed ends.
    """
    if path == STDOUT:
        print_machine_readable(text)
        return
    try:
        _write(path, text.encode("utf-8", errors="backslashreplace"))
    except OSError as error:
        raise unwritable(path, error) from None


def check_writable(path: Path) -> None:
    """Raise what `write_file` would raise for this path, as far as that can be told before; what is there stays as it is."""
    if path == STDOUT:
        return
    try:
        if _is_replaced(path):
            target = path.resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            _beside(target, b"", keep=False)
        elif path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if not _in_place(path, error):
            raise unwritable(path, error) from None


def is_file_or_new(path: Path) -> bool:
    """Whether writing replaces a file or makes one; pipes, devices and standard streams are no files."""
    try:
        return path != STDOUT and _is_replaced(path)
    except OSError:
        return False


def unwritable(path: Path, error: OSError) -> LabError:
    """What is told of a file that cannot be written."""
    kind = MachineError if error.errno in _NO_ROOM else InputError
    return kind(Problem(f"{path} cannot be written: {system_words(OSError(error.errno, error.strerror))}"))


def _is_replaced(path: Path) -> bool:
    return _stream(path) is None and (not path.exists() or path.is_file())


def _write(path: Path, content: bytes) -> None:
    stream = _stream(path)
    if stream is not None:
        _write_all(stream, content)
    elif path.exists() and not path.is_file():
        with path.open("wb", buffering=0) as device:
            _write_all(device.fileno(), content)
    else:
        target = path.resolve()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _beside(target, content, keep=True)
        except OSError as error:
            if not _in_place(target, error):
                raise
            target.write_bytes(content)


def _beside(target: Path, content: bytes, *, keep: bool) -> None:
    """Write a new file beside ``target`` and, to ``keep`` it, put it in the place of it in one step."""
    beside = target.with_name(f".lab-{os.urandom(8).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            with suppress(FileNotFoundError):
                os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
            _write_all(descriptor, content)
        finally:
            os.close(descriptor)
        if keep:
            beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _in_place(path: Path, error: OSError) -> bool:
    return error.errno in _NOT_BESIDE and path.is_file() and os.access(path, os.W_OK)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _stream(path: Path) -> int | None:
    """The standard stream that ``path`` is (/dev/stdout; a file that standard output goes to); it is not to be opened anew."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
    return None
