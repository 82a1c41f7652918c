"""Nodes and the links between them: built, ready, at rest."""
