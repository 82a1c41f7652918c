"""What the kernel tells of its tables of neighbours, line by line of a processor."""

from __future__ import annotations

from pathlib import Path

from lab.kernel.stage.neighbour_tables import NeighbourTables, words

TOLD = """\
entries  allocs   destroys hash_grows lookups  hits     res_failed rcv_probes_mcast table_fulls
00000400 00000d3e 00000aa1 00000001   00000de3 00000bd5 000001fe   00000060         0000001f
00000400 00000ad9 00000993 00000003   00000c0b 00000a36 0000014d   000000ba         00000003
"""


def test_what_was_refused_on_all_processors(tmp_path: Path) -> None:
    (tmp_path / "ndisc_cache").write_text(TOLD)
    tables = NeighbourTables((tmp_path / "nowhere", tmp_path))
    assert tables.refused() == {6: 34}
    (tmp_path / "ndisc_cache").write_text(TOLD.replace("0000001f", "00000020"))
    assert tables.refused() == {6: 35}, "it is read anew"
    tables.close()


def test_where_it_is_not_told(tmp_path: Path) -> None:
    tables = NeighbourTables((tmp_path,))
    assert tables.refused() == {}
    tables.close()


def test_the_sysctl_is_named() -> None:
    assert "net.ipv6.neigh.default.gc_thresh3" in words(6)
    assert "net.ipv4.neigh.default.gc_thresh3" in words(4)
