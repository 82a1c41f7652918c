"""What a change was for, held against what it does; and what it does to flows that were seen on the real host."""
