"""Measures the lab; what stands beside it is in `ci/bench`.  Nothing here is a test: no figure fails anything."""
