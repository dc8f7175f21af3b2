"""Secrets, signatures and certificates."""
