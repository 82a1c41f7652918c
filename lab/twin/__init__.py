"""A topology that stands for a real host, made of its dumps: what was read of it, and what had to be guessed."""
