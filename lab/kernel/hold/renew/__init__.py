"""What rules remember is made fresh, in place: a file for each technique."""
