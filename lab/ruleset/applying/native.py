"""Rules of native nft in the place of others: as one transaction, or as single commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.ruleset.applying.command import Command
from lab.ruleset.applying.script import Block, Piece, Place, pieces_of, tables_made
from lab.ruleset.render import Rendered

_FLUSH = "nft", "flush", "ruleset"
_MOST_WORDS = 100_000  # bytes: of one word of a command line the kernel takes 128 KiB (MAX_ARG_STRLEN)


def tables_of(rendered: Rendered | None) -> tuple[Place, ...]:
    """Family and name of the tables that a script makes."""
    return () if rendered is None else tables_made(rendered.text)


def replaced(gone: Sequence[Place], new: Rendered) -> Command:
    """One transaction that takes away the tables of before, and no others, and makes the new ones.

    What is put before the script stands in its first line, so that lines keep their numbers.
    """
    return Command(("nft", "-f", "-"), "".join(map(_without, gone)) + new.text, "nft")


def removed(gone: Sequence[Place]) -> Iterator[Command]:
    """The tables are taken away, all at once; one that is not there is no error."""
    if gone:
        yield Command(("nft", "; ".join(_without(place).rstrip("; ") for place in gone)))


def _without(place: Place) -> str:
    # nft destroys what may not be there only from 1.0.7
    family, name = place
    return f"add table {family} {name}; delete table {family} {name}; "


def flushed() -> Command:
    """Every ruleset is taken out, whoever made it."""
    return Command(_FLUSH)


def loaded(new: Rendered) -> Command:
    """The script as it is."""
    return Command(("nft", "-f", "-"), new.text, "nft")


def scripted(old: str, new: Rendered, gone: Sequence[Place]) -> Iterator[Command]:
    """Single commands: tables, chains and sets first, then chain by chain emptied and filled, then what is left is deleted.

    A table that declares what it has in another way than before is deleted first.
    """
    pieces = pieces_of(new.text)
    there, after = _objects(pieces_of(old)), _objects(pieces)
    seen: set[Place] = set()
    for piece in pieces:
        if isinstance(piece, Piece):
            if piece.text.split()[:2] == ["flush", "ruleset"]:
                there.clear()
            elif piece.text.split()[:2] == ["delete", "table"]:
                there.pop(_named(piece.text), None)
            yield _command(piece)
            continue
        place = piece.place
        known = {} if place in seen else there.get(place, {})
        seen.add(place)
        if not _alike(known, after[place]):
            yield Command(("nft", f"delete table {' '.join(place)}"))
            del there[place]
            known = {}
        yield from _block(piece, known)
    for place, made in after.items():
        yield from _left_over(place, there.get(place, {}), made)
    yield from removed([place for place in gone if place not in after])


def _block(block: Block, known: dict[tuple[str, str], str]) -> Iterator[Command]:
    where = " ".join(block.place)
    yield _command(block.head)
    chains = [one for one in block.objects if one.kind == "chain"]
    others = [one for one in block.objects if one.kind != "chain"]
    for one in chains:
        yield _command(one.piece)
    for one in others:
        if one.kind in ("set", "map") and (one.kind, one.name) in known:
            yield Command(("nft", f"flush {one.kind} {where} {one.name}"), kind="nft", line=one.piece.line)
        yield _command(one.piece)
    for one in chains:
        if (one.kind, one.name) in known:
            yield Command(("nft", f"flush chain {where} {one.name}"), kind="nft", line=one.piece.line)
        yield from map(_command, one.rules)


def _left_over(
    place: Place, before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]
) -> Iterator[Command]:
    """What is in the table of before alone: chains first, since rules in them name the rest."""
    left = [key for key in before if key not in after]
    where = " ".join(place)
    for kind, name in left:
        if kind == "chain":
            yield Command(("nft", f"flush chain {where} {name}"))
    for kind, name in sorted(left, key=lambda key: key[0] != "chain"):
        yield Command(("nft", f"delete {kind} {where} {name}"))


def _objects(pieces: Sequence[Piece | Block]) -> dict[Place, dict[tuple[str, str], str]]:
    """How each chain, set, … of each table is made; the policy of a chain may change."""
    found: dict[Place, dict[tuple[str, str], str]] = {}
    for piece in pieces:
        if isinstance(piece, Block):
            found.setdefault(piece.place, {}).update({(one.kind, one.name): one.made for one in piece.objects})
    return found


def _alike(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> bool:
    return all(after.get(key, made) == made for key, made in before.items())


def _named(text: str) -> Place:
    words = text.split()[2:]
    return ("ip", words[0]) if len(words) == 1 else (words[0], words[1]) if words else ("", "")


def _command(piece: Piece) -> Command:
    """One statement; definitions that it needs come with it, each in its own line."""
    if piece.defined or len(piece.text.encode()) > _MOST_WORDS:
        return Command(("nft", "-f", "-"), piece.with_definitions(), "nft", piece.line)
    return Command(("nft", piece.text), kind="nft", line=piece.line)
