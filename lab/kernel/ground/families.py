"""The two families of IP in the words of sockets and of Ethernet."""

from __future__ import annotations

import socket as sockets

ADDRESS_FAMILIES = {4: sockets.AF_INET, 6: sockets.AF_INET6}
ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
