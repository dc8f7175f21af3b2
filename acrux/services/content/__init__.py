"""Push, pull, list and delete."""
