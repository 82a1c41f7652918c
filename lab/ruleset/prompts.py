"""A terminal's prompt, as it stands in what people paste."""

from __future__ import annotations

import re

PROMPT = re.compile(
    r"(?:\[?[\w.-]+@[^#$%>]*[#$%>]|[$%])[ \t]*"
    r"(?:(?:sudo[ \t]+)?(?!.*(?:-restore\b|\bnft\b(?!(?:[ \t]+-\w+)*[ \t]+list\b|\Z)|[;&]))"
    r"(?:ip6?tables(?:-nft|-legacy)?-save|nft|cat|less|more|exit|logout)\b.*)?"
)
"""A whole line, without blanks around it, that is a prompt and at most a command that prints a ruleset, and changes none."""
