"""Measures the lab beside what one would use otherwise, in one run. Nothing here is a test: no figure fails anything."""
