"""A copy of the whole registry, in a folder or a file, and back."""
