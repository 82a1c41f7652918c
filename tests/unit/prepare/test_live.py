"""Live flows are read from what a host prints of them, and from its snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.prepare.live import live_flows
from tests.unit.twin.made_snapshots import parts, snapshot

FLOWS = """\
tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=203.0.113.2 sport=4001 dport=22 src=203.0.113.2 dst=10.0.0.1 sport=22 dport=4001 [ASSURED] use=1
udp      17 29 src=10.0.0.1 dst=203.0.113.9 sport=4002 dport=53 src=203.0.113.9 dst=10.0.0.1 sport=53 dport=4002 use=1
"""  # noqa: E501 - lines as they are printed


def _file(folder: Path, text: str) -> Path:
    (folder / "gw.json").write_text(text)
    return folder / "gw.json"


def test_a_snapshot_has_the_flows_that_its_conntrack_printed(tmp_path: Path) -> None:
    by_snapshot = live_flows(_file(tmp_path, snapshot(parts=parts(conntrack=FLOWS))))
    assert by_snapshot == live_flows(_file(tmp_path, FLOWS))
    assert len(by_snapshot) == 2


@pytest.mark.parametrize("taken", [parts(), parts(conntrack="")])
def test_a_snapshot_without_flows_is_told(tmp_path: Path, taken: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"the snapshot has no tracked flow\n.*lab snapshot --conntrack"):
        live_flows(_file(tmp_path, snapshot(parts=taken)))


def test_a_wrong_line_is_told_with_its_place_in_the_snapshot(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gw\.json conntrack -L:2"):
        live_flows(_file(tmp_path, snapshot(parts=parts(conntrack=f"{FLOWS.splitlines()[0]}\nhello\n"))))


def test_what_is_not_there_is_told_by_who_reads_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        live_flows(tmp_path / "none")
