"""What the lab writes for machines, each key once: a dataclass for each kind of document, from which all else follows."""
