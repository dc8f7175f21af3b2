"""What takes space, and why, in SQL."""
