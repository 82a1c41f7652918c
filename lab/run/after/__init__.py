"""What is asked once there is a verdict: from other source ports, of the sender's own kernel; of failures, their packets."""
