"""Who reaches whom by one service: all addresses of both ends in classes, and what the kernel says from each to each."""
