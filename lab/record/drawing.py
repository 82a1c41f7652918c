"""What a drawing of a lab shows: its networks, its nodes, and what joins them."""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import Problem


@dataclass(frozen=True, slots=True)
class Plug:
    """An interface on a network, its addresses with prefix length; ``state`` is in the words of ip, empty of what is not up."""

    network: str
    interface: str
    addresses: tuple[str, ...]
    state: str = ""

    @property
    def is_down(self) -> bool:
        """Whether nothing passes here."""
        return self.state not in ("", "up")


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node; one that ``passes_on`` what others send joins its networks."""

    name: str
    role: str
    passes_on: bool
    plugs: tuple[Plug, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A topology, or a lab that is up, then with its name; ``networks`` are names and prefixes."""

    topology: str
    networks: tuple[tuple[str, tuple[str, ...]], ...]
    nodes: tuple[DrawnNode, ...]
    lab: str = ""
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0

    @property
    def title(self) -> str:
        """What it is of."""
        return f"{self.lab} ({self.topology}), up" if self.lab else self.topology


def no_drawing(problems: tuple[Problem, ...], exit_code: int, *, interrupted: bool = False) -> Drawing:
    """What is left of one that came to no end."""
    return Drawing("", (), (), interrupted=interrupted, problems=problems, exit_code=exit_code)
