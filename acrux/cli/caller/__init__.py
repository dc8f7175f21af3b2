"""Commands for whoever calls a registry, ours or any other."""
