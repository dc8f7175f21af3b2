"""Pages about how the registry runs."""
