"""Single changed rules, and what the kernel does with them."""
