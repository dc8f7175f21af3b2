"""The commands about content, on a data directory and at a URL."""
