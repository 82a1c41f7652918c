from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from lab.bench.picture import picture
from lab.report.plot import Bar, Bars, Lines, Series, svg

NS = "{http://www.w3.org/2000/svg}"
GROWN = Lines("Title", "rules", "microseconds", (Series("one chain", ((10, 60.0), (100, 70.0), (1000, 600.0))),))


def drawn(text: str) -> ET.Element:
    return ET.fromstring(text)


def texts(text: str) -> list[str]:
    return [element.text or "" for element in drawn(text).iter(f"{NS}text")]


def points(text: str) -> list[list[tuple[float, float]]]:
    lines = drawn(text).iter(f"{NS}polyline")
    return [[(float(x), float(y)) for x, y in (one.split(",") for one in line.attrib["points"].split())] for line in lines]


def test_axes_have_words_and_decades() -> None:
    found = texts(svg([GROWN]))
    assert {"Title", "rules", "microseconds", "one chain"} <= set(found)
    assert sorted(text for text in found if text[0].isdigit()) == ["1,000", "1,000", "10", "10", "100", "100"]


def test_both_axes_are_logarithmic() -> None:
    (line,) = points(svg([Lines("t", "x", "y", (Series("s", ((10, 10.0), (100, 100.0), (1000, 1000.0))),))]))
    (x0, y0), (x1, y1), (x2, y2) = line
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert x0 < x1 < x2
    assert y0 > y1 > y2


def test_a_bar_is_as_long_as_its_value() -> None:
    root = drawn(svg([Bars("t", "seconds", (Bar("slow", 10.0), Bar("fast", 2.5)))]))
    slow, fast = [float(rect.attrib["width"]) for rect in root.iter(f"{NS}rect") if rect.attrib.get("x")]
    assert slow == pytest.approx(4 * fast)


def test_no_text_is_markup() -> None:
    evil = "</text><script>alert(1)</script>&"
    root = drawn(svg([Lines(evil, evil, evil, (Series(evil, ((1, 1.0),)),)), Bars(evil, evil, (Bar(evil, 1.0),))]))
    assert not [*root.iter(f"{NS}script")]
    assert [element.text for element in root.iter(f"{NS}text")].count(evil) == 7


def test_everything_stays_inside() -> None:
    plots: list[Lines | Bars] = [GROWN, Bars("t", "s", (Bar("a", 1.0),)), GROWN, GROWN, GROWN]
    root = drawn(svg(plots, columns=2))
    places = [group.attrib["transform"] for group in root.iter(f"{NS}g")]
    assert len(set(places)) == len(plots)
    for line in points(svg([GROWN])):
        for x, y in line:
            assert 0 <= x <= float(drawn(svg([GROWN], columns=1)).attrib["width"])
            assert 0 <= y <= float(root.attrib["height"])


def test_one_point_and_zeroes_are_no_trouble() -> None:
    drawn(svg([Lines("t", "x", "y", (Series("s", ((10, 10.0),)),)), Bars("t", "x", (Bar("none", 0.0),))]))


def test_nothing_measured_is_said() -> None:
    found = texts(picture({"growth": {"rules": None}, "peers": {}}))
    assert found.count("not measured here") == 4


def test_the_picture_shows_what_was_measured() -> None:
    text = picture({
        "sweep_verdict_s": 0.25,
        "sweep_rule_s": None,
        "peers": {"nmap_tuned_s": 1.5},
        "growth": {
            "rules": [{"rules": size, "linear_us": 1.0 * size, "tree_us": 70.0, "ipset_us": None} for size in (10, 100)],
            "nodes": [{"nodes": size, "lab_s": 0.1, "ip_batch_s": None} for size in (3, 30)],
            "cells": [{"cells": size, "run_s": 0.5} for size in (10, 100)],
        },
    })
    assert sorted(map(len, points(text))) == [2, 2, 2, 2]
    assert {"0.25", "1.5", "nmap at its fastest, 65,535 ports", "cells", "nodes", "rules"} <= set(texts(text))
    assert "lab, with the rule of each port" not in texts(text)
