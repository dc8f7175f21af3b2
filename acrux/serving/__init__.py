"""What serving needs besides workers."""
