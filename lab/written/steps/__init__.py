"""The steps that a row may be made of: a verb a file, all of them in `lab.written.steps.verbs`."""
