"""Check the whole registry, and repair it."""
