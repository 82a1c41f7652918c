"""What is seen of packets: traces, conntrack, counters, the kernel's own reasons."""
