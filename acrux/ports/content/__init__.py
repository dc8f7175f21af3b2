"""What the services need to store content, and to remove it."""
