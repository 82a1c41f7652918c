"""Drills: a lab that is broken on purpose, what a team says and does about it, and whether it was right."""
