"""The ways to ask a cell, one a file: each port, swept, with a limited log.

A way says what is asked.  In which lab, `lab.run.asker.Asker` says.
"""
