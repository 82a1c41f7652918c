"""Flows that were seen on a real host: what ``conntrack -L`` printed, as text or XML, or a capture."""
