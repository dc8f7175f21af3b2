"""What carries commands: HTTP, or calls in the process."""
