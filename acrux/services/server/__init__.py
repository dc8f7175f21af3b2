"""What a running server says of itself, and what of it can be steered."""
