"""The pages of what the registry holds."""
