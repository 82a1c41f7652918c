"""The rules that a node holds: loaded, read back, and each known by the line that it was written in."""
