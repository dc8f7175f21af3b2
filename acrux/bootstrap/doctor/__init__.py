"""What a registry examines of its own machine, for a command and for a server."""
