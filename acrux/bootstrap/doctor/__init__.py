"""What a registry examines of its own machine."""
