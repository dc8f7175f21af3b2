"""The servers that run: whether they are well, and what they log."""
