"""How the steps of a flow are done: a function each, by its verb, in `lab.run.steps.registry`."""
