"""Two policies of one node: flows are proposed, asked on both sides, and told where the kernel treats them otherwise."""
