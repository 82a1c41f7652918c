"""The commands: one file each, which is all that is needed to have one."""
