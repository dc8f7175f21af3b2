"""What was deleted and can be restored: list it, restore it, purge it."""
