"""/management/v1: what takes space, and how it comes back."""
