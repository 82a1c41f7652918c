"""The statements that a text of sets may hold: those that make sets and fill them.

`ipset restore` takes each line for a command line of its own: ``save -file PATH`` writes any file, ``-file`` may stand
anywhere in it, and every command may be shortened (``s`` is ``save``).
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.ruleset.forbidden import Refused, long_lines

MAX_LINE_BYTES = 1023  # a longer line is cut, and what is behind the cut is a line of its own (fgets into 1,024 bytes)

# The commands in ipset's own order, since the first that begins with the word is meant (lib/ipset.c, ``ipset_commands``).
_COMMANDS = (
    ("create", "new", "-N"), ("add", "-A"), ("del", "-D"), ("test", "-T"), ("destroy", "x", "-X"), ("list", "-L"),
    ("save", "-S"), ("restore", "-R"), ("flush", "-F"), ("rename", "e", "-E"), ("swap", "w", "-W"), ("help", "-h", "-H"),
    ("version", "-v", "-V"), ("quit",),
)  # fmt: skip
_ALLOWED = frozenset(("create", "add", "del", "test", "destroy", "flush", "rename", "swap"))
# Options of ipset itself are taken from wherever they stand in a line, values and comments too (``ipset_match_envopt``).
_OPTIONS = frozenset(
    ("-o", "-output", "-s", "-sorted", "-r", "-resolve", "-n", "-name", "-t", "-terse", "-f", "-file")
)
_HARMLESS = frozenset(("-!", "-exist", "-q", "-quiet"))
_BLANKS = " \t\n\v\f\r"
_MEND = "take it out: a text of sets holds what `ipset save` prints"
_PLAIN = ("add ", "create ", "del ", "#")
_BEFORE_DASH = (" -", '"-', "\t-", "\r-", "\v-", "\f-")


def refused(text: str) -> Iterator[Refused]:
    """The lines that are no statement of sets, and those that ipset would cut in two."""
    lines = text.split("\n")
    yield from long_lines(lines, MAX_LINE_BYTES, "ipset")
    has_dashes = _may_have_option(text)
    for number, line in enumerate(lines, start=1):
        if not line or (line.startswith(_PLAIN) and not (has_dashes and _may_have_option(line))):
            continue
        if (wrong := _wrong(line)) is not None:
            yield Refused(number, wrong, _MEND)


def _may_have_option(text: str) -> bool:
    """Whether a dash may begin a word."""
    return any(before in text for before in _BEFORE_DASH)


def _wrong(line: str) -> str | None:
    """What is not allowed in the line, or None."""
    bare = line.strip(_BLANKS)
    if not bare or bare[0] == "#" or bare == "COMMIT":
        return None
    rest = []
    for word in words_of(bare):
        option = word[1:] if word[:2] == "--" else word
        if option in _OPTIONS:
            return f"`{word}` is no option that makes sets"
        if option not in _HARMLESS:
            rest.append(word)
    if not rest:
        return "the line has no command"
    command = _command(rest[0])
    if command in _ALLOWED:
        return None
    return f"`{rest[0]}` is no statement that makes sets" + (f" but `ipset {command}`" if command else "")


def _command(word: str) -> str | None:
    """The command that ipset takes the word for: any beginning of a name, with two dashes before it or not."""
    name = word[2:] if word[:2] == "--" else word
    if name in ("", "-"):
        return None
    return next((names[0] for names in _COMMANDS if any(known.startswith(name) for known in names)), None)


def words_of(line: str) -> list[str]:
    """The words as ipset takes a line apart: quotes go on and off anywhere, nothing escapes, and empty words do not count."""
    words, word, quoted = [], "", False
    for letter in line:
        if letter == '"':
            quoted = not quoted
        elif letter in " \r\n\t" and not quoted:
            words.append(word)
            word = ""
        else:
            word += letter
    return [word for word in (*words, word) if word]
