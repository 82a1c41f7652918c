"""Running a matrix: cells, isolation, canaries, order, progress, results.  What both doors call."""
