"""Registries for tests: started, seeded, and ended with the tests."""
