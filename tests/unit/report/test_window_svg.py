"""A window's picture: well-formed, escaped, of itself alone, and readable with many streams."""

from __future__ import annotations

from xml.etree import ElementTree

from lab.record.window import HeldFlow, Moment, Window
from lab.report.window_svg import window_svg
from lab.verdict.window import window
from tests.unit.windows import ANSWERED, FAULTY, MS, T0, streamed

HOSTILE = 'a<script>alert("1")</script>&\n\x1b[31m]]>'


def texts(picture: str) -> list[str]:
    """What is written in it, and not what a pointer is told."""
    found = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(part for part in (text.text, *(child.tail for child in text)) if part) for text in found]


def bars(picture: str) -> list[tuple[str, str]]:
    """Colour and what a pointer is told of each bar."""
    found = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}rect")
    return [(bar.get("fill", ""), bar[0].text or "") for bar in found if len(bar)]


def many() -> Window:
    """Fifty streams of which two have something wrong, and a flow that broke."""
    met = {f"quiet {number}": "." * 10 for number in range(48)}
    met |= {"ssh": "....xx....", "web": "xxxx..xxxx", "0>": "xxxx......", "0<": "xxxxxxxxxx"}
    held = HeldFlow("session", ANSWERED, ANSWERED, FAULTY)
    return window(streamed(met, flows=[held], moments=[Moment("iptables -F", T0 + MS)]))


def test_the_quiet_ones_share_a_lane() -> None:
    said = texts(window_svg(many()))
    assert [name for name in said if name in ("ssh", "web", "BROKEN session")] == ["BROKEN session", "ssh", "web"]
    assert "48 as they should be" in said
    assert not any("quiet" in words for words in said)
    assert said[0] == "gateway: 2 got through, 2 refused, 1 flows broken, of 312 packets in 5.0 ms"
    assert "1  1.0 ms  iptables -F" in said


def test_what_is_wrong_has_its_colour() -> None:
    found = bars(window_svg(many()))
    assert [(colour, said.split("; ")[-1]) for colour, said in found if colour == "#c0392b"] == [
        ("#c0392b", "2 opened, 2.000 to 3.000 ms")
    ]
    assert [said.split("; ")[-1] for colour, said in found if colour == "#e08e2b"] == [
        "1 refused, 2.000 to 2.000 ms", "1 refused, 3.000 to 3.000 ms", "1 refused, 4.000 to 4.000 ms",
        "1 refused, 5.000 to 5.000 ms", "2 refused, 2.000 to 3.000 ms",
    ]  # fmt: skip


def test_one_packet_is_seen() -> None:
    found = window_svg(window(streamed({"ssh": "." * 5000 + "x.."})))
    widths = [float(bar.get("width", 0)) for bar in ElementTree.fromstring(found).iter() if bar.get("fill") == "#c0392b"]
    assert min(widths) == 2.0


def test_names_are_escaped_and_nothing_is_from_elsewhere() -> None:
    met = {HOSTILE: "..xxxx.."}
    picture = window_svg(window(streamed(met, moments=[Moment(HOSTILE, T0)])))
    assert "<script" not in picture
    assert "\x1b" not in picture
    assert picture.count("http") == 1, "the namespace alone"
    assert any("script" in text for text in texts(picture))


def test_a_window_without_anything() -> None:
    picture = window_svg(window(streamed({"web": "xxxx"})))
    assert "0 got through, 0 refused" in texts(picture)[0]


def test_more_lanes_than_anybody_reads_are_one() -> None:
    said = texts(window_svg(window(streamed({f"s{number}": "..x.." for number in range(80)}))))
    assert "and 20 more" in said
