"""Running matrices: what both doors call.

A run is its plans, each run to a value (`runner`); a plan is its cells in batches between canaries (`matrix_run`); a cell is
asked in one of several ways (`ways/`), each question in the lab that it must have (`asker`, `labs`, `isolation`); what is asked
once there is a verdict is in `after/`; flows that were run in two ways are set beside each other (`compare`).
"""
