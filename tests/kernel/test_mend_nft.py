"""nft refuses the scripts that are mended, and once they are, holds what it holds of them as they were."""

from __future__ import annotations

import html

import pytest

from lab.kernel.ground.tools import run
from lab.kernel.stage.node import Node
from lab.ruleset.nft.mend import mend

pytestmark = pytest.mark.kernel

SCRIPT = (
    "table inet edge { # mine\n\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n"
    '\t\tiifname "lo" accept comment "a & b; $ > `c`"\n\t\ttcp flags & (fin | syn) == syn tcp dport 25-30 accept\n\t}\n}\n'
)
MESSY = {
    "carriage returns": SCRIPT.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + SCRIPT,
    "a mail": "".join(f"> {line}\n" for line in SCRIPT.splitlines()),
    "a fence": f"```\n{SCRIPT}```\n",
    "prompts": f"root@edge:~# nft list ruleset\n{SCRIPT}root@edge:~#\n",
    "prose": f"Hello,\nhere it is:\n{SCRIPT}Thanks\n",
    "numbers": "".join(f"{number:6}\t{line}\n" for number, line in enumerate(SCRIPT.splitlines(), start=1)),
    "a page's source": html.escape(SCRIPT),
    "characters of print": SCRIPT.replace('"lo"', "\u201clo\u201d").replace("25-30", "25\u201330"),
    "blanks that do not break": SCRIPT.replace(" accept", "\u00a0accept"),
}


@pytest.mark.parametrize("messy", MESSY.values(), ids=MESSY)
def test_what_is_refused_loads_once_it_is_mended(node: Node, messy: str) -> None:
    def loaded(text: str) -> tuple[int, str]:
        run(node.namespace, ["nft", "flush", "ruleset"])
        code = run(node.namespace, ["nft", "-f", "-"], text).code
        return code, run(node.namespace, ["nft", "list", "ruleset"]).out

    code, held = loaded(SCRIPT)
    assert code == 0
    assert loaded(messy)[0] != 0
    assert loaded(mend(messy).text) == (0, held)
