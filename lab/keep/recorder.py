"""Writes down what a terminal shows and what is typed into it, as it goes, so that what was is there whatever ends it."""

from __future__ import annotations

import codecs
import os
import time
from collections.abc import Mapping
from pathlib import Path

from lab.errors import system_words
from lab.record.cast import LAB, NODE, CastEvent, CastHeader, CastKind

MOST = 64 << 20
"""Bytes of one recording; what comes then is not recorded any more, and that is said in it."""
_FULL = "the recording ends here: it is full"


class Recorder:
    """Records into a new file of ``folder``, from now until `close`; ``size`` is rows and columns.

    A recording that cannot be written ends, and ``trouble`` says why: what is recorded goes on.
    """

    def __init__(self, folder: Path, lab: str, node: str, size: tuple[int, int], environment: Mapping[str, str]) -> None:
        self.trouble = ""
        self.file = folder / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{node}-{os.getpid()}.cast"
        self._descriptor = -1
        self._began, self._size = time.monotonic(), 0
        self._texts = {kind: codecs.getincrementaldecoder("utf-8")("replace") for kind in (CastKind.SHOWN, CastKind.TYPED)}
        rows, columns = size
        env = {LAB: lab, NODE: node, **environment}
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self.file, flags, 0o600)
        except OSError as error:
            self.trouble = system_words(error)
        self._write(CastHeader(columns, rows, time.time(), f"{lab} {node}", env).to_line())

    def shown(self, data: bytes) -> None:
        """The terminal printed this."""
        self._text(CastKind.SHOWN, data)

    def typed(self, data: bytes) -> None:
        """Somebody typed this."""
        self._text(CastKind.TYPED, data)

    def resized(self, rows: int, columns: int) -> None:
        """The terminal has another size."""
        self._event(CastKind.RESIZED, f"{columns}x{rows}")

    def close(self) -> None:
        """The last half of a character, if there is one, and the end."""
        for kind, text in self._texts.items():
            if rest := text.decode(b"", final=True):
                self._event(kind, rest)
        self._stop()

    def _text(self, kind: CastKind, data: bytes) -> None:
        if text := self._texts[kind].decode(data):
            self._event(kind, text)

    def _event(self, kind: CastKind, text: str) -> None:
        if self._descriptor < 0:
            return
        line = self._line(kind, text)
        if self._size + len(line) > MOST:
            self._write(self._line(CastKind.MARKED, _FULL))
            self._stop()
        else:
            self._write(line)

    def _line(self, kind: CastKind, text: str) -> str:
        return CastEvent(time.monotonic() - self._began, kind, text).to_line()

    def _write(self, line: str) -> None:
        if self._descriptor < 0:
            return
        try:
            data = line.encode(errors="replace")
            self._size += len(data)
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.trouble = system_words(error)
            self._stop()

    def _stop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
