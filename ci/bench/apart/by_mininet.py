"""Prints the seconds that mininet takes to build a client, a gateway and a server, once for each run asked for on stdin."""

from __future__ import annotations

import json
import logging
import sys
import time

from mininet.net import Mininet
from mininet.node import Node

# a closed port answers at once: packets come through in both directions
_REFUSED = "import errno, socket; raise SystemExit(socket.socket().connect_ex(('10.2.0.2', 9)) != errno.ECONNREFUSED)"


def once() -> float:
    """The seconds of building; taking it down is not counted."""
    start = time.perf_counter()
    network = Mininet(controller=None, waitConnected=False)
    client = network.addHost("client", cls=Node, ip="10.1.0.2/24", defaultRoute="via 10.1.0.1")
    gateway = network.addHost("gateway", cls=Node, ip="10.1.0.1/24")
    server = network.addHost("server", cls=Node, ip="10.2.0.2/24", defaultRoute="via 10.2.0.1")
    network.addLink(client, gateway)
    network.addLink(gateway, server, params1={"ip": "10.2.0.1/24"})
    network.start()
    gateway.cmd("sysctl -qw net.ipv4.ip_forward=1")
    took = time.perf_counter() - start
    carries = client.popen([sys.executable, "-c", _REFUSED]).wait() == 0
    network.stop()
    if not carries:
        sys.exit("the network of mininet does not carry packets")
    return took


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    # its own init() raises limits of the whole machine
    Mininet.inited = True
    print(json.dumps([once() for _ in range(json.load(sys.stdin))]))
