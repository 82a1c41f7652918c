"""A twin's topology as a file that people keep: every guess stands above the line that it made, with the rule it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.twin.twin import Guess, Twin
from lab.twin.yaml_flow import comment, flow
from lab.written.topology import NodeSpec

_WIDTH = 118  # of a comment's line
_LISTS = frozenset(("routes", "rules"))


def topology_text(twin: Twin, *, name: str, source: str) -> str:
    """The topology of ``twin`` under another ``name``, as YAML that loads again; ``source`` says what it was made of."""
    comments = _Comments(twin)
    lines = [
        comment(f"Made by `lab twin {source}`, to be kept and corrected. What begins with `guessed` is said by no dump:"),
        comment("check it against the host, mend its line, and take the comment out."),
        *(comment(f"note: {note}") for note in twin.notes),
        f"topology: {flow(name)}",
        f"about: {flow(twin.topology.about)}",
        "networks:",
    ]
    for network, prefixes in twin.topology.networks.items():
        lines += [*comments.of_network(network), f"  {flow(network)}: {flow(_short([str(prefix) for prefix in prefixes]))}"]
    lines.append("nodes:")
    for node, spec in twin.topology.nodes.items():
        lines += [*comments.of_node(node), f"  {flow(node)}:", *_node(node, spec, comments)]
    return "\n".join((*lines, ""))


def _node(node: str, spec: NodeSpec, comments: _Comments) -> Iterator[str]:
    written = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for key, value in written.items():
        if key == "interfaces":
            yield "    interfaces:"
            for interface, parts in value.items():
                yield from comments.of_interface(node, interface)
                short = {word: _short(part) for word, part in parts.items()}
                yield f"      {flow(interface)}: {flow(short)}"
        elif key in _LISTS:
            yield f"    {key}:"
            for line in _texts(spec.routes if key == "routes" else spec.rules):
                yield from comments.of_route(node, line) if key == "routes" else ()
                yield f"      - {flow(line)}"
        elif key == "sysctls":
            yield "    sysctls:"
            yield from (f"      {flow(name)}: {flow(setting)}" for name, setting in value.items())
        else:
            yield from comments.of_key(node, key)
            yield f"    {key}: {flow(_short(value))}"


def _texts(lines: Sequence[Any]) -> Iterator[str]:
    yield from (line.text for line in lines)


def _short(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


class _Comments:
    """The guesses of a twin, each given out once: at the first line that it is about, else at its host."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._left = dict.fromkeys(twin.guesses)

    def _host(self, guess: Guess) -> str:
        return guess.host if guess.host in self._twin.hosts else next(iter(self._twin.hosts))

    def _take(self, fits: Mapping[Guess, bool]) -> Iterator[str]:
        for guess, is_one in fits.items():
            if is_one:
                self._left.pop(guess, None)
                yield from guess_lines(guess, "      ")

    def of_network(self, network: str) -> Iterator[str]:
        """Guesses about a prefix of the network."""
        prefixes = {str(prefix) for prefix in self._twin.topology.networks[network]}
        for line in self._take({guess: guess.about in prefixes for guess in self._left}):
            yield line.replace("      ", "  ", 1)

    def of_node(self, node: str) -> Iterator[str]:
        """Guesses about a host as a whole, or about what its node has no line for."""
        if node not in self._twin.hosts:
            return
        spec = self._twin.topology.nodes[node]
        lines = [route.text for route in spec.routes]
        there = {*spec.interfaces, *(str(own.ip) for port in spec.interfaces.values() for own in port.addresses)}
        fits = {
            guess: self._host(guess) == node and "forwards packets" not in guess.what
            and guess.about not in there and not any(_names(line, guess.about) for line in lines)
            for guess in self._left
        }  # fmt: skip
        for line in self._take(fits):
            yield line.replace("      ", "  ", 1)

    def of_interface(self, node: str, interface: str) -> Iterator[str]:
        """Guesses about an interface of a host and its addresses."""
        if node in self._twin.hosts:
            port = self._twin.topology.nodes[node].interfaces[interface]
            about = {interface, *(str(own.ip) for own in port.addresses)}
            yield from self._take({guess: self._host(guess) == node and guess.about in about for guess in self._left})

    def of_route(self, node: str, line: str) -> Iterator[str]:
        """Guesses about what a route leads to."""
        if node in self._twin.hosts:
            yield from self._take({guess: self._host(guess) == node and _names(line, guess.about) for guess in self._left})

    def of_key(self, node: str, key: str) -> Iterator[str]:
        """Guesses about whether the host forwards."""
        if key == "forwards" and node in self._twin.hosts:
            fits = {guess: self._host(guess) == node and "forwards packets" in guess.what for guess in self._left}
            yield from (line.replace("      ", "    ", 1) for line in self._take(fits))


def _names(line: str, about: str) -> bool:
    return about != "" and about in line.split()


def guess_lines(guess: Guess, indent: str) -> Iterator[str]:
    """A guess as lines of a comment: what it is, and behind it the rule as it is written, with its place."""
    first = f"guessed: {guess.what}"
    if not guess.rests_on:
        yield comment(first, indent)
        return
    at = f"  [{guess.where}]" if guess.where is not None else ""
    whole = f"{first}, as of `{guess.rests_on}`{at}"
    if len(whole) <= _WIDTH:
        yield comment(whole, indent)
    else:
        yield comment(f"{first}, as of", indent)
        yield comment(f"  `{guess.rests_on}`{at}", indent)


def file_name(name: str) -> str:
    """A name of a topology, a policy and a matrix, of one that a host has.

    >>> file_name("Edge GW (2)")
    'Edge-GW-2'
    """
    return re.sub(r"[^\w-]+", "-", name, flags=re.ASCII).strip("-") or "host"
