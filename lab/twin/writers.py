"""Programs that write rules by themselves while a host runs, told by the names of their chains."""

from __future__ import annotations

import re

WRITERS = {
    "docker": r"DOCKER", "ufw": r"ufw6?-", "fail2ban": r"f2b-", "kubelet": r"KUBE-", "libvirtd": r"LIBVIRT_",
    "firewalld": r"(?:IN|FWD[IO]?|POST|PRE)_public|FORWARD_(?:IN|OUT)_ZONES", "crowdsec": r"CROWDSEC", "calico": r"cali-",
    "netavark": r"NETAVARK", "tailscaled": r"ts-(?:input|forward|postrouting)", "sshguard": r"sshguard",
}  # fmt: skip
_BY_THEMSELVES = {name: re.compile(WRITERS[name]) for name in WRITERS if name not in ("ufw", "firewalld")}


def writer_of(chain: str) -> str | None:
    """The program whose chain this is by its name, where nobody writes into it by hand.

    >>> writer_of("f2b-sshd"), writer_of("DOCKER-USER"), writer_of("FORWARD")
    ('fail2ban', None, None)
    """
    if chain == "DOCKER-USER":  # Docker makes it for the administrator's own rules
        return None
    return next((name for name, begins in _BY_THEMSELVES.items() if begins.match(chain)), None)
