"""From the pieces of a sweep to its groups: what every packet proves, and what has to be asked once more."""
