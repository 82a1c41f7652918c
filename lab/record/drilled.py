"""How far a team is with its drill, and what was proven of a drill before anybody is given it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """What the journal comes to; times are seconds since the drill began, None for what has not come yet.

    ``hints`` is how many were taken, ``wrong`` how many answers were not right, ``found`` which causes were named, by number.
    ``fouls`` say in words why the drill is failed, whatever is green: a mend that is none.
    """

    began: float
    hints: int
    answers: int
    wrong: int
    found: frozenset[int]
    checks: int
    to_diagnose: float | None
    to_contain: float | None
    to_fix: float | None
    fouls: tuple[str, ...]
    revealed: bool
    stopped: float | None

    @property
    def failed(self) -> bool:
        """Whether it cannot be passed any more."""
        return bool(self.fouls)


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that must hold of a drill: its ``name``, whether it ``holds``, and ``what`` was seen, in words."""

    name: str
    holds: bool
    what: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """A ``drill`` with one ``seed``: what was proven of it, in how many ``seconds``.

    ``problem`` says why not all could be tried; it is empty where it could.
    """

    drill: str
    seed: int
    proofs: tuple[Proof, ...]
    seconds: float
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether all of it is as it must be."""
        return not self.problem and bool(self.proofs) and all(proof.holds for proof in self.proofs)
