"""What a file says of a host, whatever form it has: a snapshot, or rules with files of `ip` beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.record.host import Dumped, Host


@dataclass(frozen=True, slots=True)
class Beside:
    """Files of `ip` that are given beside rules, each as text or as JSON (``-j``).

    ``routes`` may each name the table that the file does not: ``DSL=ip-route-list-table-DSL.txt``.
    """

    addresses: tuple[Path, ...] = ()
    routes: tuple[tuple[str | None, Path], ...] = ()
    rules: tuple[Path, ...] = ()

    @classmethod
    def of(cls, addr: Sequence[str] = (), route: Sequence[str] = (), rule: Sequence[str] = ()) -> Beside:
        """What ``--addr FILE``, ``--route FILE|TABLE=FILE`` and ``--rule FILE`` say."""
        raise NotImplementedError


def read_host(source: Path | Dumped, beside: Beside | None = None) -> Host:
    """The host that a file, or a text that came by a pipe, tells of; what it is is told by its content.

    A snapshot, `iptables-save` of one family or of both, `ipset save` with rules, or an nft ruleset.  Raises InputError.
    """
    raise NotImplementedError
