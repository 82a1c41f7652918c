"""The evidence that remains of a run or a change: bundles, written whole or not at all, verified, signed, listed."""
