"""The ways to ask a cell, one a file: its ports (each, swept, with a limited log), or its steps.

A way says what is asked.  In which lab, `lab.run.asker.Asker` says.
"""
