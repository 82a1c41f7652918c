"""What Linux is asked with: system calls, namespaces, netlink, tools, rights."""
