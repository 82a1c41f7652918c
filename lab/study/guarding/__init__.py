"""The script for the real host, tried on a lab in every way that a change window may go wrong."""
