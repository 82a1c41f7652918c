"""One module per way to send; each returns what was seen."""
