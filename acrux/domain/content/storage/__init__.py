"""What takes space, and what is removed."""
