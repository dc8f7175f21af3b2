"""What carries a command's requests: calls in this process, or HTTP."""
