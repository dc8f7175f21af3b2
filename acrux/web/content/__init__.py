"""Pages of what the registry holds."""
