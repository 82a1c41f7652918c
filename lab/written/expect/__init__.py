"""What a row can expect besides its action: a file for each key, and the list of them.

A new key is one file here, a line in `KEYS` of ``keys.py``, and a row in the table of docs/formats.md.  Its file holds what
may be written after the key, what that needs to have been witnessed, the sentences for what is otherwise, and two
examples that tests run: one that holds, one that does not.  Rows and their JSON Schema, cells, judgements and reports take
it from there.
"""
