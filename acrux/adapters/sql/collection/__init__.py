"""What nothing refers to any more: found, removed, counted."""
