"""Repositories and what they hold, in SQL."""
