"""What the registry says of its own servers and machines."""
