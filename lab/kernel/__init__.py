"""The only code that enters nodes, starts tools and speaks netlink: nodes, wiring, loading, tracing, conntrack, rest."""
