"""Passwords that are generated or chosen, and their hashes."""
