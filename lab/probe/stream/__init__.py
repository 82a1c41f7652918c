"""Packets that run without pause while something else happens in the lab, and what became of each of them."""
