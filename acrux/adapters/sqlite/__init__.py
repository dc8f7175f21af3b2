"""The embedded database, which runs the statements."""
