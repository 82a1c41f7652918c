"""A change as a script for the real host: applied with the way back kept, a timer armed, and a token to confirm it."""
