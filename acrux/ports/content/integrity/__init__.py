"""What a check of the registry needs."""
