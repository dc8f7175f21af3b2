"""Retention and purges, on a real database."""
