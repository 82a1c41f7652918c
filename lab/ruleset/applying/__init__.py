"""Ways to put new rules into the place of old ones, as the commands that do it."""
