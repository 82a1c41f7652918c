"""Hosts of rules alone, and what is concluded of them."""

from __future__ import annotations

from ipaddress import ip_network

from lab.record.host import Dumped, Host
from lab.twin.build import twin_of
from lab.twin.infer import inferred
from lab.twin.twin import Guess, Twin

FILE = {"v4": "fw.rules", "v6": "fw.rules6", "nft": "fw.nft", "ipset": "fw.ipset"}


def host(**texts: str) -> Host:
    """A host that holds these rulesets."""
    return Host("fw", rulesets={kind: Dumped(text, FILE[kind]) for kind, text in texts.items()})


def filtered(*rules: str, nat: tuple[str, ...] = ()) -> str:
    """What iptables-save prints of these rules."""
    body = "".join(f"{rule}\n" for rule in rules)
    translated = "".join(f"{rule}\n" for rule in nat)
    return f"*nat\n{translated}COMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n{body}COMMIT\n"


class Concluded:
    """What is concluded of a host, and that its twin is built."""

    def __init__(self, whole: Host) -> None:
        self.host, self.guesses = inferred(whole)
        self.twin: Twin = twin_of([self.host], self.guesses)

    def addresses(self) -> dict[str, list[str]]:
        """Those of each interface."""
        return {link.name: [str(address) for address in link.addresses] for link in self.host.links}

    def behind(self) -> dict[str, list[str]]:
        """The networks behind each interface, its own first; the default route as ``default``."""
        found = {link.name: [str(address.network) for address in link.addresses] for link in self.host.links}
        for _, line in self.host.routes:
            words = line.split()
            found[words[words.index("dev") + 1]].append(words[0])
        return found

    def uplinks(self) -> set[str]:
        """The interfaces that the default routes take."""
        return {line.split()[line.split().index("dev") + 1] for _, line in self.host.routes if line.startswith("default")}

    def guess(self, part: str) -> Guess:
        """The one guess that says this."""
        (found,) = (guess for guess in self.guesses if part in guess.what)
        return found

    def no_overlap(self) -> bool:
        """Whether no two interfaces are on networks that share an address."""
        own = [(link.name, address.network) for link in self.host.links for address in link.addresses]
        return not any(
            one != other and first.version == second.version and ip_network(first).overlaps(second)
            for one, first in own for other, second in own
        )  # fmt: skip
