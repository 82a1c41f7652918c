"""Programs that go on in a node: a server, a daemon, a shell."""
