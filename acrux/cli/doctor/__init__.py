"""Examine a registry, from outside and on its own machine."""
