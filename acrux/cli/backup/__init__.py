"""Copies of the whole registry: make, check and restore them."""
