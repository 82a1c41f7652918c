"""What an application's two ends said to each other, beside the packets that carried it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.record.observation import Observation


@dataclass(frozen=True, slots=True)
class Session:
    """One session of ``service`` (``ftp/passive``), whose data goes over a connection of its own.

    ``said`` are its lines in order, ``> PASV`` of the client and ``< 227 …`` of the server.  The observation that has the
    session is that of the data connection, and ``control`` that of the control connection; where there was no data
    connection, it is that of the control connection, and ``control`` is None.  ``refused`` is how the server refused to go on,
    ``lacking`` what was wrong with the data of which the server said that all is well.
    ``server`` is the program's own address and port, "" where the control connection did not come to it.
    """

    service: str
    said: tuple[str, ...] = ()
    control: Observation | None = None
    refused: str = ""
    server: str = ""
    lacking: str = ""
