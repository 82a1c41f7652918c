"""What the lab's own tables in a node are called, and how the kernel begins what it logs of a trace."""

OWN_NAMES = TRACE_TABLE, COUNT_TABLE, QUIET_TABLE = "lab_trace", "lab_count", "lab_quiet"
# family and name of those that stand while a node is read back, and are no part of what it holds
OWN_TABLES = frozenset((("inet", TRACE_TABLE), ("netdev", TRACE_TABLE), ("inet", COUNT_TABLE), ("ip6", QUIET_TABLE)))
STEP_PREFIX = b"TRACE: "  # nf_log_trace; of rulesets that log with it themselves see meddling.refuse_forging
