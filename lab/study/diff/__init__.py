"""Two sets of rules at one node: flows that are proposed, asked on both sides, and told where the kernel treats them otherwise."""
