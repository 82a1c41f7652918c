"""Observation to verdict, verdict and expectation to result.  Pure: nothing here asks the kernel."""
