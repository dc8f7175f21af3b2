"""The pages about tokens."""
