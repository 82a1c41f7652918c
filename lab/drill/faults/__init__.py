"""What breaks a lab, by the word that a drill file has for it; all of it from outside, or in a node's world by no history.

A fault raises InputError for what is not there or is refused, before the lab is given to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.drill.faults import network, rules, world
from lab.drill.grounds import Grounds

Fault = Callable[[Grounds, Any], None]

FAULTS: Mapping[str, Fault] = {
    "remove-rule": rules.remove_rule,
    "move-rule": rules.move_rule,
    "add-rule": rules.add_rule,
    "load": rules.load,
    "commands": world.commands,
    "boot-file": world.boot_file,
    "sysctl": network.sysctl,
    "mtu": network.mtu,
    "link": network.link,
    "fill-conntrack": network.fill_conntrack,
}
