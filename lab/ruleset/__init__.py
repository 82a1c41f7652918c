"""Rulesets as data: templates rendered, `iptables-save` read, each rule known by its template line."""
