"""Commands for clients of a registry, ours or any other."""
