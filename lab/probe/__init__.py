"""A probe: what is sent (`question`), the ways to send it, who watches it, and the attempt that brings them together."""
