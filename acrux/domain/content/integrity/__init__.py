"""What a check of the registry finds."""
