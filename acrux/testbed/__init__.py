"""Registries for tests: how they are started, seeded and ended."""
