"""Prints records: console, JSON, JUnit, Markdown, annotations. It measures nothing and decides nothing."""
