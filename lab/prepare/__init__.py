"""From files to what is to be done: plans, scenes, rendered policies.  Nothing is built yet."""
