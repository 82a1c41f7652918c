"""Prints the seconds of network-sandbox-engine's pipeline with one denied packet and with several.

Standard input is JSON: {"rules": an nft script, "packets": how many}.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time

from nse.core.pipeline import run_test_pipeline
from nse.models.test_request import PacketSpec, TestRequest


def once(rules: str, packets: int) -> float:
    """The seconds of a whole run in which each packet must be seen to be dropped."""
    packet = PacketSpec(protocol="tcp", src_ip="10.0.0.1", dst_ip="10.0.0.2", src_port=40000, dst_port=20000, tcp_flags=["S"])
    request = TestRequest(rules=rules, packets=[packet] * packets)
    start = time.perf_counter()
    events = asyncio.run(run_test_pipeline(request))
    took = time.perf_counter() - start
    # by event, since the kernel gives the same trace id to several packets
    dropped = [event for event in events if event.type == "match" and event.verdict == "DROP"]
    errors = [event.raw_message for event in events if event.type == "error"]
    if len(dropped) < packets or errors:
        sys.exit(f"{len(dropped)} of {packets} packets seen to be dropped {errors}")
    return took


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    given = json.load(sys.stdin)
    print(json.dumps([once(given["rules"], count) for count in (1, given["packets"])]))
