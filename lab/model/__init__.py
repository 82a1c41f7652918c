"""Rulesets as decision diagrams: which packets two of them may treat differently; it proposes what to ask, never what is so."""
