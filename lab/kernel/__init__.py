"""The only code that touches Linux: nodes, wiring, sysctls, loading, tracing, conntrack, rest."""
