"""Backups, and registries to make them of."""
