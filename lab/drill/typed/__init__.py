"""What was typed into recorded terminals, and what each command is for."""
