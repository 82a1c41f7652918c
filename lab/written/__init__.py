"""What people write: topology, policy, matrix and services; pure, with file and line in every message."""
