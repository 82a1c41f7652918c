"""Why something fared otherwise than expected, and what would mend it: from what was recorded and what nodes hold."""
