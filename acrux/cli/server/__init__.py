"""Start a registry on this machine, and ask it how it is."""
